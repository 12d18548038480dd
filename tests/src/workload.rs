//! Random statements with values of every type, for replicas to repeat.

/// A table with a column of each type that MariaDB and sealwired share.
pub const EVERY_TYPE: &str = "CREATE TABLE d.every (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, m MEDIUMINT, \
     i INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED, f FLOAT, d DOUBLE, n DECIMAL(20,5), bi BIT(12), y YEAR, da DATE, ti TIME(3), \
     dt DATETIME(6), ts TIMESTAMP NULL, c CHAR(10), v VARCHAR(300), bn BINARY(4), vb VARBINARY(300), tt TINYTEXT, tx TEXT, lb LONGBLOB, \
     e ENUM('x','y','ü'), se SET('a','b','c'), j JSON, u UUID);";

/// A query that shows all its values.
pub const SHOW_EVERY: &str = "SELECT id, t, tu, s, m, i, b, bu, f, d, n, RIGHT(CONCAT('0000', HEX(bi)), 4), y, da, ti, dt, ts, HEX(c), HEX(v), HEX(vb), HEX(tt), HEX(tx), HEX(lb), e, se, j, u \
     FROM d.every ORDER BY id";

/// Tables without a key in two databases, which show a transaction that was applied twice or by half.
pub const TWO_DATABASES: &str = "CREATE TABLE d.half (a INT); CREATE TABLE e.half (a INT);";

/// Makes a value of a column.
type Make = fn(&mut Dice) -> String;

/// Pseudo-random numbers.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `most`.
    pub fn roll(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn text(&mut self, most: u64) -> String {
        let length = self.roll(most + 1);
        (0..length)
            .map(|_| ['a', 'Z', '0', 'ä', '€', '"', '`', ' '][self.roll(8) as usize])
            .collect::<String>()
            .trim_end()
            .to_owned()
    }

    fn bytes(&mut self, most: u64) -> String {
        let length = self.roll(most + 1);
        (0..length).map(|_| format!("{:02x}", 1 + self.roll(255))).collect()
    }

    /// Values for all columns of the table but the key; some are NULL.
    fn values(&mut self) -> Vec<(&'static str, String)> {
        let columns: [(&str, Make); 26] = [
            ("t", |dice| (dice.roll(256) as i64 - 128).to_string()),
            ("tu", |dice| dice.roll(256).to_string()),
            ("s", |dice| (dice.roll(65_536) as i64 - 32_768).to_string()),
            ("m", |dice| (dice.roll(1 << 24) as i64 - (1 << 23)).to_string()),
            ("i", |dice| dice.roll(1 << 32).to_string()),
            ("b", |dice| (dice.roll(u64::MAX) as i64).to_string()),
            ("bu", |dice| dice.roll(1 << 63).to_string()),
            ("f", |dice| format!("{}.5", dice.roll(100_000))),
            ("d", |dice| format!("{}e-3", dice.roll(1 << 50))),
            ("n", |dice| format!("-{}.{:05}", dice.roll(1_000_000_000), dice.roll(100_000))),
            ("bi", |dice| format!("x'0{:03x}'", dice.roll(4096))),
            ("y", |dice| (1901 + dice.roll(255)).to_string()),
            ("da", |dice| format!("'{:04}-{:02}-{:02}'", 1000 + dice.roll(9000), 1 + dice.roll(12), 1 + dice.roll(28))),
            ("ti", |dice| {
                format!("'-{:02}:{:02}:{:02}.{:03}'", dice.roll(839), dice.roll(60), dice.roll(60), dice.roll(1000))
            }),
            ("dt", |dice| {
                format!("'2024-02-29 {:02}:{:02}:00.{:06}'", dice.roll(24), dice.roll(60), dice.roll(1_000_000))
            }),
            ("ts", |dice| format!("'20{:02}-06-30 12:{:02}:59'", dice.roll(38), dice.roll(60))),
            ("c", |dice| format!("'{}'", dice.text(10))),
            ("v", |dice| format!("'{}'", dice.text(300))),
            ("vb", |dice| format!("x'{}'", dice.bytes(300))),
            ("tt", |dice| format!("'{}'", dice.text(60))),
            ("tx", |dice| format!("'{}'", dice.text(2000))),
            ("lb", |dice| format!("x'{}'", dice.bytes(20_000))),
            ("e", |dice| ["'x'", "'y'", "'ü'"][dice.roll(3) as usize].to_owned()),
            ("se", |dice| ["''", "'a'", "'a,c'", "'a,b,c'"][dice.roll(4) as usize].to_owned()),
            ("j", |dice| format!("'{{\"k\": [{}, \"{}\"]}}'", dice.roll(1000), dice.roll(1000))),
            ("u", |dice| {
                format!("'{:08x}-0000-{}000-8000-{:012x}'", dice.roll(1 << 32), 1 + dice.roll(8), dice.roll(1 << 48))
            }),
        ];
        let value = |(column, make): (&'static str, Make)| {
            let value = if self.roll(5) == 0 { "NULL".to_owned() } else { make(self) };
            (column, value)
        };
        columns.map(value).to_vec()
    }

    /// A statement on the table.
    pub fn statement(&mut self) -> String {
        let values = self.values();
        let key = 1 + self.roll(200);
        match self.roll(10) {
            0..=3 => {
                let columns: Vec<&str> = values.iter().map(|(column, _)| *column).collect();
                let row: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
                format!("INSERT INTO d.every ({}) VALUES ({})", columns.join(", "), row.join(", "))
            }
            4 => {
                let row: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).take(3).collect();
                format!("REPLACE INTO d.every (id, t, tu, s) VALUES ({key}, {})", row.join(", "))
            }
            5 => format!("DELETE FROM d.every WHERE id = {key}"),
            6 => format!("DELETE FROM d.every WHERE id % 17 = {}", self.roll(17)),
            7 => format!("UPDATE d.every SET v = '{}' WHERE id > {key}", self.text(20)),
            _ => {
                let from = self.roll(20) as usize;
                let set: Vec<String> =
                    values.iter().skip(from).take(5).map(|(column, value)| format!("{column} = {value}")).collect();
                format!("UPDATE d.every SET {} WHERE id = {key}", set.join(", "))
            }
        }
    }

    /// A transaction of some statements, in part rolled back to savepoints, or as a whole.
    pub fn transaction(&mut self) -> String {
        let mut out = String::from("BEGIN;\n");
        for number in 0..self.roll(6) {
            out.push_str(&format!("SAVEPOINT s{number};\n{};\n", self.statement()));
            if self.roll(4) == 0 {
                out.push_str(&format!("ROLLBACK TO s{number};\n"));
            }
        }
        out.push_str(if self.roll(5) == 0 { "ROLLBACK;\n" } else { "COMMIT;\n" });
        out
    }

    /// A definition of one of some tables, or rows for it. It fails where the tables are not so. `alters` says whether it may be one that does
    /// not succeed twice.
    fn definition(&mut self, alters: bool) -> String {
        let table = format!("e.x{}", self.roll(3));
        let column = format!("k{}", self.roll(4));
        match self.roll(16) {
            0..=2 => {
                format!(
                    "CREATE TABLE IF NOT EXISTS {table} (a INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(40), c DECIMAL(12,3))"
                )
            }
            3 => format!("DROP TABLE IF EXISTS {table}"),
            4 => format!("TRUNCATE TABLE {table}"),
            5 => format!("DELETE FROM {table} WHERE a % 3 = {}", self.roll(3)),
            6 => format!("UPDATE {table} SET c = c + 1 WHERE a % 5 = {}", self.roll(5)),
            7 | 8 if alters => format!("ALTER TABLE {table} ADD COLUMN {column} INT DEFAULT {}", self.roll(100)),
            9 if alters => format!("ALTER TABLE {table} DROP COLUMN {column}"),
            10 if alters => format!("CREATE INDEX of_{column} ON {table} (c)"),
            11 if alters => format!("DROP INDEX of_{column} ON {table}"),
            _ => format!("INSERT INTO {table} (b, c) VALUES ('{}', {}.5), (NULL, 0)", self.text(40), self.roll(10_000)),
        }
    }

    /// Statements for a client that goes on behind errors: single ones, transactions over one and two databases, and definitions. The rows of
    /// [`TWO_DATABASES`] have the numbers from `from` on. `alters` says whether tables are altered.
    pub fn work(&mut self, from: u64, times: u64, alters: bool) -> String {
        let mut out = String::new();
        for number in from..from + times {
            out.push_str(&self.transaction());
            out.push_str(&format!(
                "BEGIN; INSERT INTO d.half VALUES ({number}); INSERT INTO e.half VALUES ({number}); {}; COMMIT;\n",
                self.statement()
            ));
            out.push_str(&format!("{};\n", self.statement()));
            if self.roll(3) == 0 {
                out.push_str(&format!("{};\n", self.definition(alters)));
            }
        }
        out
    }
}
