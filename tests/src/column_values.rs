//! Values that servers store in another form than a statement writes them.

/// Types of columns, and literals that sealwired with a binary log stores as MariaDB does.
const VALUES: &[(&str, &[&str])] = &[
    ("ENUM('Small','LARGE','ä','a b')", &["NULL", "'small'", "'SMALL'", "'A B'", "'Large'"]),
    ("SET('a','B','c d','z')", &["'z,a'", "'b,A'", "'B,B'", "'C D,a'", "''", "'a,B,c d,z'"]),
    ("CHAR(5)", &["'a'", "'a  '", "'  a'", "''", "'     '", "'abcde   '", "'ä '"]),
    ("CHAR(5) CHARACTER SET latin1", &["'ä '", "'äbcde'"]),
    ("BINARY(4)", &["'a'", "'a '", "x'6100'", "''", "'abcd'", "x'ff'"]),
    ("VARCHAR(5)", &["'a  '", "''"]),
    (
        "FLOAT",
        &["1", "1.1", "123456789", "3.4028234e38", "1e-45", "16777217", "1/3", "1234.5678", "99999.95", "1e15", "1e14"],
    ),
    ("FLOAT(7,3)", &["1.23456", "1234.5678", "9999.9995", "-1", "0.0005"]),
    ("DOUBLE", &["1", "0.1", "1e15", "1e16", "-1e-7", "1.7976931348623157e308"]),
    ("DOUBLE(10,2)", &["1.005", "1.015", "2.675", "12345678.999", "-0.001"]),
    (
        "DECIMAL(10,3)",
        &["1", "1.2345", "1.2335", "-0.0004", "1e2", "9999999.9994", "-1.5", "0.0005", "1e-10", "-9.9995", "0.9995"],
    ),
    ("DECIMAL(5,0)", &["0.5", "1.5", "2.5", "-0.5", "99999.4", "99.5"]),
    ("BIT(1)", &["0", "1", "b'1'"]),
    ("BIT(12)", &["4095", "b'111100001111'", "x'0fff'", "'a'", "0.5"]),
    ("BIT(64)", &["x'ffffffffffffffff'", "'abcdefgh'", "-1"]),
    ("TINYINT", &["1.5", "2.5", "-1.5", "'5'", "5.4999", "-0.4"]),
    ("BIGINT", &["9007199254740993", "0.5"]),
    ("DATE", &["'2024-2-9'", "'0000-00-00'"]),
    ("TIME(3)", &["'10:00'", "'-1:2:3'", "'10:00:00.1'"]),
    ("DATETIME", &["'2024-02-29T10:00:00'", "'2024-02-29'", "'2024-02-29 10:00'"]),
    ("TIMESTAMP(6) NULL", &["'2024-02-29 10:00:00.6'"]),
    ("UUID", &["'123E4567-e89b-12d3-a456-426655440000'", "'123e4567e89b12d3a456426655440000'"]),
];

/// Columns with a default that they store in another form than it is written, or in this one.
const DEFAULTS: &[&str] = &[
    "DATETIME NOT NULL DEFAULT '2024-01-02'",
    "DATETIME(3) DEFAULT '2024-01-02 00:00:00'",
    "TIMESTAMP NOT NULL DEFAULT '2024-01-02'",
    "DATE DEFAULT '2024-1-2'",
    "TIME DEFAULT '1:2'",
    "BINARY(5) NOT NULL DEFAULT 'a'",
    "BINARY(16) DEFAULT 0x00",
    "VARBINARY(9) DEFAULT 70",
    "CHAR(5) DEFAULT 'a '",
    "VARCHAR(5) DEFAULT 'a '",
    "ENUM('a','B') DEFAULT 'A'",
    "SET('a','b') DEFAULT 'b,a'",
    "DECIMAL(5,1) DEFAULT 1.26",
    "DOUBLE(5,1) DEFAULT 1.26",
    "FLOAT DEFAULT 1.23456789",
    "INT NOT NULL DEFAULT 1.6",
    "BIT(4) DEFAULT b'101'",
    "JSON DEFAULT '{\"a\": 1}'",
    "UUID DEFAULT '123E4567-e89b-12d3-a456-426655440000'",
];

/// Types of columns that are added to rows without a default.
const IMPLICIT: &[&str] = &[
    "INT NOT NULL",
    "DECIMAL(5,2) UNSIGNED NOT NULL",
    "DOUBLE NOT NULL",
    "VARCHAR(9) NOT NULL",
    "CHAR(3) NOT NULL COLLATE utf8mb4_bin",
    "TEXT NOT NULL",
    "BLOB NOT NULL",
    "BINARY(3) NOT NULL",
    "DATE NOT NULL",
    "TIME(2) NOT NULL",
    "DATETIME(3) NOT NULL",
    "ENUM('a','B') NOT NULL",
    "SET('a','b') NOT NULL",
    "BIT(4) NOT NULL",
    "YEAR NOT NULL",
];

fn added() -> impl Iterator<Item = &'static str> {
    DEFAULTS.iter().chain(IMPLICIT).copied()
}

/// Statements that give rows of tables without a key a column by ALTER TABLE, and change the rows then.
pub fn added_defaults() -> String {
    let mut out = String::new();
    for (number, column) in added().enumerate() {
        // Later rows do not have the implicit default.
        let later =
            if IMPLICIT.contains(&column) { String::new() } else { format!("INSERT INTO a{number} (k) VALUES (4);") };
        out.push_str(&format!(
            "CREATE TABLE a{number} (k INT); INSERT INTO a{number} VALUES (1), (2); ALTER TABLE a{number} ADD v {column}, ADD w INT FIRST;
             UPDATE a{number} SET k = k + 1; DELETE FROM a{number} WHERE k = 3; {later} UPDATE a{number} SET k = k + 1;\n"
        ));
    }
    out
}

/// Queries that show the rows of [`added_defaults`].
pub fn added_queries(database: &str) -> Vec<String> {
    (0..added().count()).map(|number| format!("SELECT k, v, w FROM {database}.a{number} ORDER BY k")).collect()
}

/// The statements that make a table for each type, `v0` and so on, with the values in the column `v`.
pub fn statements() -> String {
    let mut out = String::new();
    for (number, (kind, literals)) in VALUES.iter().enumerate() {
        out.push_str(&format!("CREATE TABLE v{number} (id INT PRIMARY KEY AUTO_INCREMENT, v {kind});\n"));
        let rows: Vec<String> = literals.iter().map(|literal| format!("({literal})")).collect();
        out.push_str(&format!("INSERT INTO v{number} (v) VALUES {};\n", rows.join(", ")));
        // A row that is there gets the value, too.
        let last = literals.last().unwrap_or(&"NULL");
        out.push_str(&format!(
            "INSERT INTO v{number} (v) VALUES (NULL); UPDATE v{number} SET v = {last} WHERE v IS NULL;\n"
        ));
    }
    out
}

/// Queries that show the tables' values in a database.
pub fn queries(database: &str) -> Vec<String> {
    // SQLite's HEX and MariaDB's differ for numbers of more than 64 bits, UUIDs and latin1.
    let differs = |kind: &str| ["FLOAT", "DOUBLE", "UUID", "latin1"].iter().any(|part| kind.contains(part));
    let shown = |(number, (kind, _)): (usize, &(&str, &[&str]))| {
        let bytes = if differs(kind) { "v" } else { "HEX(v)" };
        format!("SELECT id, v, {bytes} FROM {database}.v{number} ORDER BY id")
    };
    VALUES.iter().enumerate().map(shown).collect()
}
