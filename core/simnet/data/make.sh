#!/bin/sh
# Makes the certificates of the simulated hosts: Ed25519, since its signatures are a function of key and message, and with
# fixed periods, since the simulated clock starts on 2026-01-02. Version 1 and 3 both, as people have them.
# Run once; the files are committed.
set -eu
cd "$(dirname "$0")"

key() { openssl genpkey -algorithm ed25519 -out "$1-key.pem"; }
key ca
key other-ca
key server
key client

cat > ca.cnf <<'END'
[ca]
default_ca = x
[x]
database = index.txt
new_certs_dir = .
default_md = default
policy = any
unique_subject = no
serial = serial
[any]
countryName = optional
organizationName = optional
commonName = supplied
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[server]
subjectAltName = DNS:db.example.com
extendedKeyUsage = serverAuth
[stranger]
subjectAltName = DNS:www.example.org
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
END
printf '[req]\ndistinguished_name = none\n[none]\n' > request.cnf
: > index.txt

sign() { # file, key's owner, CA, subject, serial, start, end, section of extensions or nothing (version 1)
    openssl req -new -key "$2-key.pem" -subj "$4" -out request.pem -config request.cnf
    echo "$5" > serial
    if [ "$3" = self ]; then issuer="-selfsign -keyfile $2-key.pem"; else issuer="-cert $3.pem -keyfile $3-key.pem"; fi
    # shellcheck disable=SC2086
    openssl ca -batch -notext -config ca.cnf $issuer ${8:+-extensions $8} -in request.pem -out "$1.pem" \
        -startdate "$6" -enddate "$7" -name x 2>/dev/null
    rm -f "$5.pem"
}
from=20200101000000Z
to=20491231235959Z
sign ca ca self '/O=Sealwire/CN=Simulated CA' 01 $from $to root
sign other-ca other-ca self '/O=Somebody else/CN=Other CA' 02 $from $to root
sign server server ca '/O=Sealwire/CN=db.example.com' 03 $from $to server
sign server-expired server ca '/O=Sealwire/CN=db.example.com' 04 $from 20251231235959Z server
sign server-other-name server ca '/O=Sealwire/CN=www.example.org' 05 $from $to stranger
sign server-other-ca server other-ca '/O=Sealwire/CN=db.example.com' 06 $from $to server
sign server-v1 server ca '/O=Sealwire/CN=db.example.com' 07 $from $to
sign client client ca '/O=Sealwire/CN=learner' 08 $from $to client
sign client-expired client ca '/O=Sealwire/CN=learner' 09 $from 20251231235959Z client
sign client-other-ca client other-ca '/O=Sealwire/CN=learner' 0A $from $to client
sign client-v1 client ca '/O=Sealwire/CN=learner' 0B $from $to

rm -f request.* index.txt* serial* ca.cnf ca-key.pem other-ca-key.pem other-ca.pem
