// go-sql-driver, of the version that Debian has.

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"

	"github.com/go-sql-driver/mysql"
)

type job struct {
	Host, User, Password string
	Port, Big            int
	Database             *string
	TLS                  *struct {
		CA, Version string
		Cert, Key   *string
	}
}

func check(err error) {
	if err != nil {
		said, _ := json.Marshal(map[string]string{"error": err.Error()})
		fmt.Println(string(said))
		os.Exit(0)
	}
}

func encrypted(j job) *tls.Config {
	pem, err := os.ReadFile(j.TLS.CA)
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	version := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}[j.TLS.Version]
	config := &tls.Config{RootCAs: roots, ServerName: j.Host, MinVersion: version, MaxVersion: version}
	if j.TLS.Cert != nil {
		pair, err := tls.LoadX509KeyPair(*j.TLS.Cert, *j.TLS.Key)
		check(err)
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func main() {
	var j job
	check(json.Unmarshal([]byte(os.Args[1]), &j))
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net = j.User, j.Password, "tcp"
	config.Addr = fmt.Sprintf("%s:%d", j.Host, j.Port)
	config.MaxAllowedPacket = 64 << 20
	if j.Database != nil {
		config.DBName = *j.Database
	}
	if j.TLS != nil {
		check(mysql.RegisterTLSConfig("job", encrypted(j)))
		config.TLSConfig = "job"
	}
	pool, err := sql.Open("mysql", config.FormatDSN())
	check(err)
	pool.SetMaxOpenConns(1)

	row := func(query string, arguments ...interface{}) []*string {
		rows, err := pool.Query(query, arguments...)
		check(err)
		defer rows.Close()
		rows.Next()
		columns, err := rows.Columns()
		check(err)
		values, targets := make([]*string, len(columns)), make([]interface{}, len(columns))
		for index := range values {
			targets[index] = &values[index]
		}
		check(rows.Scan(targets...))
		return values
	}
	big := bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz"), j.Big/26+1)[:j.Big]
	statement := "SELECT ? + 2 AS sum, ? AS text, ? AS nothing"
	facts := map[string]interface{}{
		"driver":         "go-sql-driver",
		"ssl_cipher":     row("SHOW STATUS LIKE 'Ssl_cipher'")[1],
		"ssl_version":    row("SHOW STATUS LIKE 'Ssl_version'")[1],
		"user":           row("SELECT CURRENT_USER()")[0],
		"database":       row("SELECT DATABASE()")[0],
		"text":           row("SELECT 40 + 2 AS sum, 'Grüße' AS text, NULL AS nothing"),
		"prepared":       row(statement, 40, "Grüße", nil),
		"big_intact":     *row("SELECT ?", big)[0] == string(big),
		"changed_user":   nil,
		"changed_cipher": nil,
	}
	var length int
	fmt.Sscan(*row("SELECT LENGTH(?)", big)[0], &length)
	facts["big_up"] = length
	said, err := json.Marshal(facts)
	check(err)
	fmt.Println(string(said))
}
