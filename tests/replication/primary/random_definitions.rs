//! Definitions made by dice, which may be wrong.

use sealwire_tests::workload::Dice;

fn pick<'w>(dice: &mut Dice, words: &[&'w str]) -> &'w str {
    words[dice.roll(words.len() as u64) as usize]
}

fn number(dice: &mut Dice) -> &'static str {
    pick(
        dice,
        &[
            "0", "1", "2", "3", "6", "7", "10", "24", "25", "30", "31", "53", "54", "64", "65", "66", "255", "256",
            "768", "3000", "16384", "65536",
        ],
    )
}

fn kind(dice: &mut Dice) -> String {
    const KINDS: &[&str] = &[
        "TINYINT",
        "SMALLINT",
        "MEDIUMINT",
        "INT",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "NUMERIC",
        "BIT",
        "BOOL",
        "CHAR",
        "VARCHAR",
        "BINARY",
        "VARBINARY",
        "TEXT",
        "TINYTEXT",
        "LONGTEXT",
        "BLOB",
        "LONGBLOB",
        "DATE",
        "TIME",
        "DATETIME",
        "TIMESTAMP",
        "YEAR",
        "JSON",
        "UUID",
        "GEOMETRY",
        "POINT",
        "NCHAR",
        "NVARCHAR",
        "CHARACTER VARYING",
        "STRING",
        "BYTEA",
        "TIMESTAMPTZ",
        "ENUM('a','b')",
        "ENUM('a','A')",
        "SET('a','b')",
        "SET('x,y')",
    ];
    let name = pick(dice, KINDS);
    let mut text = name.to_owned();
    if dice.roll(3) == 0 || name.starts_with("VAR") && dice.roll(10) > 0 {
        text.push_str(&format!("({})", number(dice)));
    } else if dice.roll(12) == 0 {
        text.push_str(&format!("({},{})", number(dice), number(dice)));
    }
    text.push_str(pick(dice, &["", "", "", "", "", "", "", " UNSIGNED", " ZEROFILL"]));
    text
}

fn literal(dice: &mut Dice) -> &'static str {
    pick(
        dice,
        &[
            "1",
            "0",
            "-1",
            "300",
            "1.5",
            "'abc'",
            "''",
            "'1'",
            "'2024-02-29'",
            "'2023-02-29'",
            "'12:00:00'",
            "'a'",
            "NULL",
            "NOW()",
            "NOW(3)",
            "('a')",
            "TRUE",
            "1+1",
            "a",
            "99999999999",
            "20240101",
        ],
    )
}

fn expression(dice: &mut Dice) -> &'static str {
    pick(
        dice,
        &[
            "a + 1",
            "b * 2",
            "CONCAT(a, b)",
            "c",
            "LENGTH(a)",
            "a > 1",
            "a IN (1, 2)",
            "NOW()",
            "RAND()",
            "UUID()",
            "UPPER(b)",
            "nocol",
            "a IS NULL",
            "COALESCE(a, b)",
            "a LIKE 'x%'",
            "USER()",
            "@x",
            "CONNECTION_ID()",
            "UNIX_TIMESTAMP()",
            "(SELECT 1)",
            "SUM(a)",
        ],
    )
}

fn option(dice: &mut Dice) -> String {
    match dice.roll(14) {
        0 => "NOT NULL".to_owned(),
        1..=3 => format!("DEFAULT {}", literal(dice)),
        4 => "AUTO_INCREMENT".to_owned(),
        5 => "PRIMARY KEY".to_owned(),
        6 => "UNIQUE".to_owned(),
        7 => "COMMENT 'x'".to_owned(),
        8 => format!("CHARACTER SET {}", pick(dice, &["latin1", "ascii", "utf8mb3", "utf8mb4"])),
        9 => format!(
            "COLLATE {}",
            pick(dice, &["utf8mb4_bin", "latin1_bin", "utf8mb4_0900_ai_ci", "utf8mb4_unicode_ci", "binary"])
        ),
        10 => format!("CHECK ({})", expression(dice)),
        11 | 12 => format!("AS ({}) {}", expression(dice), pick(dice, &["STORED", "VIRTUAL", ""])),
        _ => format!("ON UPDATE {}", pick(dice, &["NOW()", "NOW(3)", "1"])),
    }
}

fn column(dice: &mut Dice, name: &str) -> String {
    let options: Vec<String> = (0..dice.roll(3)).map(|_| option(dice)).collect();
    format!("{name} {} {}", kind(dice), options.join(" "))
}

fn parts(dice: &mut Dice) -> String {
    let part = |dice: &mut Dice| match dice.roll(8) {
        0 => format!("{}({})", pick(dice, &["a", "b", "t", "v"]), number(dice)),
        1 => format!("({})", expression(dice)),
        2 => format!("{} {}", pick(dice, &["a", "b"]), pick(dice, &["ASC", "DESC", "NULLS LAST", "x"])),
        _ => pick(dice, &["a", "b", "c", "t", "v", "id", "nocol", "A"]).to_owned(),
    };
    (0..=dice.roll(3)).map(|_| part(dice)).collect::<Vec<_>>().join(", ")
}

fn constraint(dice: &mut Dice) -> String {
    let using = pick(dice, &["", "", "", " USING BTREE", " USING HASH", " USING gin"]);
    match dice.roll(7) {
        0 => format!("PRIMARY KEY{using} ({})", parts(dice)),
        1 => format!("KEY {}{using} ({})", pick(dice, &["", "k", "a", "PRIMARY"]), parts(dice)),
        2 => format!("UNIQUE KEY u ({}){using}", parts(dice)),
        3 => format!("{}CHECK ({})", pick(dice, &["", "CONSTRAINT x "]), expression(dice)),
        4 => format!("FULLTEXT KEY f ({})", parts(dice)),
        5 => format!("SPATIAL KEY s ({})", parts(dice)),
        _ => format!(
            "{}FOREIGN KEY ({}) REFERENCES {} ({}){}",
            pick(dice, &["", "CONSTRAINT x ", "CONSTRAINT taken "]),
            pick(dice, &["a", "b", "nocol", "a, b"]),
            pick(dice, &["p", "p", "nosuch", "t", "e"]),
            pick(dice, &["id", "i", "name", "id, i", "nocol", "a"]),
            pick(dice, &["", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON DELETE SET DEFAULT", " MATCH FULL"])
        ),
    }
}

/// A statement that defines something, which may be wrong.
pub(super) fn definition(dice: &mut Dice) -> String {
    match dice.roll(20) {
        0..=11 => {
            let mut items: Vec<String> =
                ["a", "b", "c"].into_iter().take(1 + dice.roll(3) as usize).map(|name| column(dice, name)).collect();
            items.extend((0..dice.roll(3)).map(|_| constraint(dice)));
            format!("CREATE TABLE t ({})", items.join(", "))
        }
        12 | 13 => format!(
            "CREATE {}INDEX {} ON {} ({}){}",
            pick(dice, &["", "UNIQUE "]),
            pick(dice, &["k", "ka", "PRIMARY"]),
            pick(dice, &["e", "p", "child", "nosuch"]),
            parts(dice),
            pick(dice, &["", "", " COMMENT 'x'", " WHERE a > 1", " INCLUDE (b)", " LOCK=NONE"])
        ),
        14..=16 => {
            let name = pick(dice, &["n", "a", "N"]);
            let added = column(dice, name);
            format!(
                "ALTER TABLE {} ADD COLUMN {added}{}",
                pick(dice, &["e", "p", "child"]),
                pick(dice, &["", " FIRST", " AFTER a", " AFTER nocol"])
            )
        }
        17 => format!("ALTER TABLE {} ADD {}", pick(dice, &["e", "p", "child"]), constraint(dice)),
        18 => {
            let change = pick(
                dice,
                &[
                    "DROP COLUMN a",
                    "DROP COLUMN pid",
                    "DROP INDEX ka",
                    "DROP INDEX i",
                    "RENAME COLUMN a TO n",
                    "RENAME TO p",
                ],
            );
            format!("ALTER TABLE {} {change}", pick(dice, &["e", "p", "child"]))
        }
        _ => pick(
            dice,
            &[
                "DROP INDEX kp ON child",
                "DROP TABLE p",
                "TRUNCATE TABLE p",
                "TRUNCATE TABLE e",
                "CREATE TABLE t LIKE e",
                "CREATE VIEW v AS SELECT a, a FROM e",
                "CREATE VIEW v (x) AS SELECT a, b FROM e",
                "CREATE VIEW v (x, y) AS SELECT a, b FROM e",
                "CREATE VIEW v AS SELECT nocol FROM e",
                "DROP VIEW e",
            ],
        )
        .to_owned(),
    }
}
