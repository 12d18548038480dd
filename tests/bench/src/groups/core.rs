//! The works of core whose instructions are counted, by the clock.

use super::cell;
use super::decode::timed;
use crate::Outcome;
use crate::measure::Figure;
use crate::report::Table;
use crate::world::World;

#[path = "../../../../core/tests/instructions.rs"]
#[allow(dead_code, reason = "it is a program of its own, too")]
mod instructions;

/// Wall time of each work, in memory, without cryptography.
pub(super) fn works(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "core: wall time of its parts",
        "ns of wall time on one thread, what is made is compared. The same works are counted by `cargo xtask test instructions`, where no \
         clock is looked at.",
        &["work", "ns"],
    );
    let mut values = instructions::WORKS.map(|_| Vec::new());
    for _ in 0..world.repeats() {
        for ((name, work), values) in instructions::WORKS.iter().zip(&mut values) {
            // A connection takes a thousand times as long as a packet.
            let count = if name.starts_with("both machines") { 1000 } else { 500_000 };
            let count = if world.quick { count / 5 } else { count };
            values.push(timed(count, || if work() { Ok(1) } else { Err((*name).into()) })?);
        }
    }
    for ((name, _), values) in instructions::WORKS.iter().zip(values) {
        table.rows.push(vec![(*name).to_owned(), cell(&Figure::of(values), 0)]);
    }
    Ok(table)
}
