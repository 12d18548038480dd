//! Views, and what stands beside them: names, rights and texts that an interpreter could take for others.

use crate::world::{World, run};

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
