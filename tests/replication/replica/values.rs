//! Values that columns have in another form than statements write them, at a replica of MariaDB's.

use sealwire_tests::column_values;
use sealwire_tests::programs::needs;

use super::world::{PEERS, World, sql};

#[test]
fn a_value_is_as_at_the_source() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&["--log-bin", "--version=10.11.99-MariaDB-Sealwire"]);
    sql(world.ours(), &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    let statements = column_values::statements();
    sql(
        world.primary(),
        &format!(
            "CREATE DATABASE rows_; USE rows_; {statements}
             CREATE DATABASE texts; USE texts; SET binlog_format = STATEMENT; {statements}"
        ),
    );
    world.wait();
    for database in ["rows_", "texts"] {
        for query in column_values::queries(database) {
            world.same(&query);
        }
    }
}

#[test]
fn rows_have_the_default_of_a_new_column_in_its_form() {
    let Some(world) = World::start(&[]) else { return };
    sql(world.ours(), &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    sql(world.primary(), &format!("CREATE DATABASE d; USE d; {}", column_values::added_defaults()));
    world.wait();
    column_values::added_queries("d").iter().for_each(|query| world.same(query));
}
