//! A connection to the primary over a simulated network, as a blocking stream: each read lets time pass until bytes arrive.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::facts::Transport;
use sealwire_core::server::{self, Connection, Peer};
use sealwire_core::{Input, Now};
use sealwire_simnet::net::{Net, Network, Readable, Tcp};
use sealwire_simnet::{Host, Seeded, Step};

use super::log::Log;
use super::primary::Primary;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// More turns than any connection here needs.
const MOST_TURNS: u32 = 200_000;

/// The primary's log, which grows while it is read.
pub(super) struct World {
    pub(super) log: Log,
    pub(super) random: Seeded,
    /// How many transactions there will be.
    pub(super) all: u64,
}

impl World {
    /// Perhaps something happens at the primary.
    fn happen(&mut self) {
        if self.log.transactions < self.all && self.random.below(3) == 0 {
            self.log.append(&self.random);
            if self.random.below(12) == 0 {
                self.log.rotate(false);
            }
        }
    }
}

/// The replica's end of the connection.
pub(super) struct Wire {
    world: Rc<RefCell<World>>,
    net: Net,
    client: Tcp,
    server: Tcp,
    outbox: Vec<u8>,
    machine: Connection,
    primary: Primary,
    servers_outbox: Vec<u8>,
    /// How many more bytes the replica receives before the connection is lost; `None` for all.
    left: Option<usize>,
    /// Whether it is lost by a reset; else the stream ends.
    resets: bool,
}

impl Wire {
    pub(super) fn new(
        world: &Rc<RefCell<World>>,
        network: Network,
        seed: u64,
        config: &Arc<server::Config>,
        host: Host,
        left: Option<usize>,
    ) -> Self {
        let mut net = Net::new(network, seed, 0, false);
        let (here, there) = net.join(CLIENT, SERVER);
        let server = net.listen(there, 3306).unwrap();
        let client = net.connect(here, 50_000, SERVER, 3306).unwrap();
        let peer = Peer { transport: Transport::Tcp, host: CLIENT.to_string(), user: None };
        let machine = Connection::new(Arc::clone(config), 1, peer, now(&net));
        Self {
            world: Rc::clone(world),
            net,
            client,
            server,
            outbox: Vec::new(),
            machine,
            primary: Primary::new(host),
            servers_outbox: Vec::new(),
            left,
            resets: seed.is_multiple_of(2),
        }
    }

    /// Lets the primary work at the current time; returns whether it did anything.
    fn serve(&mut self) -> bool {
        let mut bytes = Vec::new();
        let mut moved = match self.net.read(self.server, usize::MAX, &mut bytes) {
            Readable::Bytes(_) => self.machine.handle_input(Input::Bytes(&mut bytes), now(&self.net)).is_ok(),
            Readable::Eof | Readable::Nothing => false,
        };
        let mut world = self.world.borrow_mut();
        world.happen();
        loop {
            match self.primary.step(&mut self.machine, &world.log, &mut self.servers_outbox) {
                Ok(Step::Wait(_)) => match self.primary.send(&mut self.machine, &world.log) {
                    Ok(true) => moved = true,
                    Ok(false) | Err(_) => break,
                },
                Ok(Step::Transmit | Step::Answered) => moved = true,
                Err(_) => break,
            }
            if self.servers_outbox.len() > 64 << 10 {
                break;
            }
        }
        drop(world);
        self.net.write(self.server, &mut self.servers_outbox) || moved
    }

    fn lost(&self) -> io::Result<usize> {
        if self.resets { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(0) }
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        for _ in 0..MOST_TURNS {
            self.net.write(self.client, &mut self.outbox);
            self.net.settle();
            let most = self.left.unwrap_or(usize::MAX).min(into.len());
            if most == 0 {
                return self.lost();
            }
            let mut bytes = Vec::new();
            match self.net.read(self.client, most, &mut bytes) {
                Readable::Bytes(count) if count > 0 => {
                    into[..count].copy_from_slice(&bytes);
                    self.left = self.left.map(|left| left - count);
                    return Ok(count);
                }
                Readable::Eof => return Ok(0),
                Readable::Bytes(_) | Readable::Nothing => {}
            }
            let moved = self.serve();
            self.net.settle();
            if !moved {
                let due = self.net.next_due();
                let due = due.unwrap_or_else(|| self.net.now() + 1_000);
                self.net.advance(due);
            }
        }
        Err(io::Error::other("the primary sends nothing more"))
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn now(net: &Net) -> Now {
    let monotonic = Duration::from_micros(net.now());
    Now { monotonic, wall: Duration::from_secs(sealwire_simnet::START) + monotonic }
}
