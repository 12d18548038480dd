//! Views: an account that may read a view alone sees the columns that the view had when it was made.

use crate::world::{World, run};

#[test]
fn a_view_shows_the_columns_that_it_was_made_with() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    for sql in [
        "CREATE VIEW d.all_of AS SELECT * FROM d.t",
        "CREATE VIEW d.alias AS SELECT x.* FROM d.t x",
        "CREATE VIEW d.named (q, w) AS SELECT * FROM d.t",
        "CREATE VIEW d.inner_one AS SELECT * FROM (SELECT * FROM d.t UNION SELECT * FROM d.t) s",
        "CREATE VIEW d.above AS SELECT * FROM d.all_of",
    ] {
        run(&mut root, sql).unwrap_or_else(|(code, message)| panic!("{sql}: {code} {message}"));
        let view = sql.split_whitespace().nth(2).unwrap();
        run(&mut root, &format!("GRANT SELECT ON {view} TO 'worker'@'%'")).unwrap();
    }
    let views = ["all_of", "alias", "named", "inner_one", "above"];
    let shown = run(&mut root, "SHOW CREATE VIEW d.all_of").unwrap();
    assert!(shown[0][1].contains("`t`.`a` AS `a`,`t`.`b` AS `b`"), "{shown:?}");
    let definition = "SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_NAME = 'all_of'";
    if let Ok(rows) = run(&mut root, definition) {
        assert!(!rows.iter().flatten().any(|text| text.contains('*')), "{rows:?}");
    }
    run(&mut root, "ALTER TABLE d.t ADD COLUMN salary INT DEFAULT 9999").unwrap();
    let mut worker = world.worker();
    for view in views {
        let rows = run(&mut worker, &format!("SELECT * FROM d.{view}")).unwrap();
        assert_eq!(rows, [["1", "one"], ["2", "two"]], "{view}");
        let refused = run(&mut worker, &format!("SELECT salary FROM d.{view}")).unwrap_err();
        assert_eq!(refused.0, 1054, "{view}: {refused:?}");
    }
    // The statement in a dump creates the same view again.
    run(&mut root, "DROP VIEW d.all_of").unwrap();
    run(&mut root, "USE d").unwrap();
    run(&mut root, &shown[0][1]).unwrap();
    assert_eq!(run(&mut root, "SHOW CREATE VIEW d.all_of").unwrap()[0][1], shown[0][1]);
    // Over another table of that name, a view shows the columns with the old names, or fails if they are missing.
    run(&mut root, "DROP TABLE d.t").unwrap();
    run(&mut root, "CREATE TABLE d.t AS SELECT 5 AS a, s FROM hidden.secret").unwrap();
    for view in views {
        let refused = run(&mut worker, &format!("SELECT * FROM d.{view}")).unwrap_err();
        assert!(refused.0 == 1356 && refused.1.contains(&format!("'d.{view}'")), "{view}: {refused:?}");
        assert!(!refused.1.contains("d.t"), "{refused:?}");
    }
}

#[test]
fn a_view_of_nothing_and_of_two_columns_with_one_name_is_refused() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    for (sql, code) in [
        ("CREATE VIEW d.w AS SELECT * FROM d.gone", 1146),
        ("CREATE VIEW d.w AS SELECT * FROM d.t, d.u", 1060),
        ("CREATE VIEW d.w AS SELECT nobody.* FROM d.t", 1051),
    ] {
        assert_eq!(run(&mut root, sql).unwrap_err().0, code, "{sql}");
    }
    for sql in [
        "CREATE VIEW d.w AS SELECT * FROM d.t JOIN d.u USING (a, b)",
        "CREATE OR REPLACE VIEW d.w AS SELECT * FROM d.t NATURAL LEFT JOIN d.u",
        "CREATE OR REPLACE VIEW d.w (e, f, g, h) AS SELECT * FROM d.t, d.u",
    ] {
        run(&mut root, sql).unwrap_or_else(|(code, message)| panic!("{sql}: {code} {message}"));
        run(&mut root, "SELECT * FROM d.w").unwrap_or_else(|(code, message)| panic!("{sql}: {code} {message}"));
    }
    // A user who may not read the table learns nothing of its columns.
    let mut worker = world.worker();
    run(&mut root, "GRANT CREATE VIEW ON d.* TO 'worker'@'%'").unwrap();
    assert_eq!(run(&mut worker, "CREATE VIEW d.x AS SELECT * FROM d.t, d.u").unwrap_err().0, 1142);
}

#[test]
fn drop_view_passes_over_a_temporary_table() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    for sql in ["CREATE TEMPORARY TABLE d.mine (a INT)", "CREATE TEMPORARY TABLE d.v (a INT)"] {
        run(&mut root, sql).unwrap();
    }
    let refused = run(&mut root, "DROP VIEW d.mine").unwrap_err();
    assert!(refused.0 == 1051 && refused.1 == "Unknown table 'd.mine'", "{refused:?}");
    run(&mut root, "DROP VIEW d.v").unwrap();
    assert!(run(&mut root, "SELECT * FROM d.v").unwrap().is_empty(), "the temporary table is there");
}

#[test]
fn an_order_that_is_not_needed_asks_for_its_rights_nevertheless() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    run(&mut root, "GRANT SELECT, UPDATE, DELETE ON d.t TO 'worker'@'%'").unwrap();
    let mut worker = world.worker();
    let order = "ORDER BY (SELECT s FROM hidden.secret)";
    for sql in [format!("UPDATE d.t SET b = 'x' {order}"), format!("DELETE FROM d.t {order}")] {
        assert_eq!(run(&mut worker, &sql).unwrap_err().0, 1142, "{sql}");
    }
    run(&mut worker, "UPDATE d.t SET b = 'x' ORDER BY a DESC").unwrap();
    assert_eq!(run(&mut root, "SELECT b FROM d.t").unwrap(), [["x"], ["x"]]);
}

#[test]
fn texts_that_char_makes_are_texts() {
    let world = World::new(&[]);
    let mut root = world.root();
    for (sql, expected) in [
        ("SELECT CHAR(77, 121, 83, 81, '76')", "MySQL"),
        ("SELECT CHAR(77, NULL, 78)", "MN"),
        ("SELECT CHAR(50084)", "\u{e4}"),
        ("SELECT CHAR(195, 164) = '\u{e4}'", "1"),
        ("SELECT HEX(CHAR(0, 256))", "000100"),
        ("SELECT CHAR(55296)", "NULL"),
        ("SELECT CHAR(255)", "NULL"),
        ("SELECT CONCAT('a', CHAR(10), 'b')", "a\nb"),
    ] {
        assert_eq!(run(&mut root, sql).unwrap(), [[expected]], "{sql}");
    }
}
