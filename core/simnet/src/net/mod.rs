//! TCP/IP in memory and in virtual time: pairs of hosts, with smoltcp's TCP/IP stack, connected by a line.
//!
//! Nothing happens without a call: [`Net::settle`] lets every host work at the current time, [`Net::next_due`] returns the time of the next
//! event, and [`Net::advance`] moves to that time. All results depend on the seed and the calls only.

mod capture;
mod line;

pub use line::Network;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::Seeded;
use capture::Capture;
use line::Direction;

/// A simulated network. Times are in microseconds since its start.
pub struct Net {
    network: Network,
    random: Seeded,
    now: u64,
    /// The Unix time of the start, for the capture.
    epoch_us: u64,
    hosts: Vec<Host>,
    /// Packets in transit, by time of arrival. The second number keeps the order of simultaneous arrivals.
    flying: BTreeMap<(u64, u64), (usize, Vec<u8>)>,
    sent: u64,
    capture: Capture,
}

/// One end of a line.
struct Host {
    interface: Interface,
    port: Port,
    sockets: SocketSet<'static>,
    direction: Direction,
}

/// A TCP connection of a host, or its listening socket.
#[derive(Debug, Clone, Copy)]
pub struct Tcp {
    host: usize,
    handle: SocketHandle,
}

/// The result of reading from a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readable {
    /// No bytes have arrived.
    Nothing,
    /// This many bytes were appended.
    Bytes(usize),
    /// The peer sends no more bytes, or the connection no longer exists.
    Eof,
}

impl Net {
    /// An empty network whose random numbers come from `seed`. If `pcap` is set, every packet is recorded, with times that start at
    /// `epoch_us`, in microseconds since the Unix epoch.
    #[must_use]
    pub fn new(network: Network, seed: u64, epoch_us: u64, pcap: bool) -> Self {
        Self {
            network,
            random: Seeded::new(seed),
            now: 0,
            epoch_us,
            hosts: Vec::new(),
            flying: BTreeMap::new(),
            sent: 0,
            capture: Capture::new(pcap),
        }
    }

    /// Adds two hosts with a line between them, and returns their indexes.
    pub fn join(&mut self, one: Ipv4Addr, other: Ipv4Addr) -> (usize, usize) {
        (self.host(one), self.host(other))
    }

    fn host(&mut self, address: Ipv4Addr) -> usize {
        let mtu = usize::from(self.network.mtu.max(128));
        let mut port = Port { mtu, arrived: VecDeque::new(), leaving: Vec::new() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = self.random.next();
        let mut interface = Interface::new(config, &mut port, Instant::from_micros(0));
        interface.update_ip_addrs(|addresses| {
            // Adding an address can't fail, because there is room for more than one.
            let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(address), 24));
        });
        self.hosts.push(Host { interface, port, sockets: SocketSet::new(Vec::new()), direction: Direction::default() });
        self.hosts.len() - 1
    }

    /// The current time.
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.now
    }

    fn add_socket(&mut self, host: usize, start: impl FnOnce(&mut Socket<'static>, &mut Interface)) -> Option<Tcp> {
        let window = self.network.window.max(512) as usize;
        let host_of = self.hosts.get_mut(host)?;
        let buffer = || SocketBuffer::new(vec![0; window]);
        let mut socket = Socket::new(buffer(), buffer());
        start(&mut socket, &mut host_of.interface);
        Some(Tcp { host, handle: host_of.sockets.add(socket) })
    }

    /// A socket that accepts one connection on `port`; `None` if there is no such host.
    pub fn listen(&mut self, host: usize, port: u16) -> Option<Tcp> {
        // Listening fails only for port 0 or an open socket. The socket then stays closed, which its owner can see.
        self.add_socket(host, |socket, _| {
            let _ = socket.listen(port);
        })
    }

    /// A connection from port `from` to `port` at `address`; `None` if there is no such host.
    pub fn connect(&mut self, host: usize, from: u16, address: Ipv4Addr, port: u16) -> Option<Tcp> {
        self.add_socket(host, |socket, interface| {
            let _ = socket.connect(interface.context(), (IpAddress::Ipv4(address), port), from);
        })
    }

    fn socket(&mut self, tcp: Tcp) -> Option<&mut Socket<'static>> {
        Some(self.hosts.get_mut(tcp.host)?.sockets.get_mut(tcp.handle))
    }

    /// Whether the connection was established, even if it is closing.
    pub fn is_connected(&mut self, tcp: Tcp) -> bool {
        self.socket(tcp).is_some_and(|socket| {
            !matches!(socket.state(), State::Closed | State::Listen | State::SynSent | State::SynReceived)
        })
    }

    /// The port of the peer.
    pub fn remote_port(&mut self, tcp: Tcp) -> Option<u16> {
        Some(self.socket(tcp)?.remote_endpoint()?.port)
    }

    /// Whether the connection needs no more work: it is closed, or waits only for delayed packets.
    pub fn is_over(&mut self, tcp: Tcp) -> bool {
        self.socket(tcp).is_none_or(|socket| matches!(socket.state(), State::Closed | State::Listen | State::TimeWait))
    }

    /// Reads at most `most` bytes from a connection and appends them.
    pub fn read(&mut self, tcp: Tcp, most: usize, into: &mut Vec<u8>) -> Readable {
        let Some(socket) = self.socket(tcp) else { return Readable::Eof };
        if socket.can_recv() {
            let before = into.len();
            while into.len() - before < most {
                let room = most - (into.len() - before);
                let taken = socket.recv(|bytes| {
                    let bytes = bytes.get(..room.min(bytes.len())).unwrap_or_default();
                    into.extend_from_slice(bytes);
                    (bytes.len(), bytes.len())
                });
                if !matches!(taken, Ok(1..)) {
                    break;
                }
            }
            return Readable::Bytes(into.len() - before);
        }
        match socket.state() {
            State::Listen | State::SynSent | State::SynReceived => Readable::Nothing,
            _ if socket.may_recv() => Readable::Nothing,
            _ => Readable::Eof,
        }
    }

    /// Writes as many of `bytes` as the connection accepts, and removes them. Returns whether any were written.
    pub fn write(&mut self, tcp: Tcp, bytes: &mut Vec<u8>) -> bool {
        let Some(socket) = self.socket(tcp).filter(|socket| socket.can_send() && !bytes.is_empty()) else {
            return false;
        };
        let sent = socket.send_slice(bytes).unwrap_or_default();
        bytes.drain(..sent);
        sent > 0
    }

    /// Whether written bytes may still arrive.
    pub fn may_write(&mut self, tcp: Tcp) -> bool {
        self.socket(tcp).is_some_and(|socket| socket.may_send())
    }

    /// Closes this side. Bytes written before are still sent.
    pub fn close(&mut self, tcp: Tcp) {
        if let Some(socket) = self.socket(tcp) {
            socket.close();
        }
    }

    /// Resets the connection.
    pub fn abort(&mut self, tcp: Tcp) {
        if let Some(socket) = self.socket(tcp) {
            socket.abort();
        }
    }

    /// Lets every host work at the current time, and sends its packets.
    pub fn settle(&mut self) {
        let now = self.now;
        for index in 0..self.hosts.len() {
            let Some(host) = self.hosts.get_mut(index) else { continue };
            host.interface.poll(instant(now), &mut host.port, &mut host.sockets);
            for packet in std::mem::take(&mut host.port.leaving) {
                self.capture.sent(now, self.epoch_us + now, &packet);
                for (arrives, packet) in host.direction.carry(&self.network, &self.random, now, packet) {
                    self.sent += 1;
                    // Hosts come in pairs, so the peer's index differs in the lowest bit.
                    self.flying.insert((arrives, self.sent), (index ^ 1, packet));
                }
            }
        }
    }

    /// The time of the next event, at least the current time; `None` if nothing will happen without a call.
    pub fn next_due(&mut self) -> Option<u64> {
        let now = self.now;
        let arrival = self.flying.keys().next().map(|(time, _)| *time);
        let timers = self.hosts.iter_mut().filter_map(|host| host.interface.poll_at(instant(now), &host.sockets));
        let timer = timers.min().map(|time| u64::try_from(time.total_micros()).unwrap_or_default());
        [arrival, timer].into_iter().flatten().min().map(|time| time.max(now))
    }

    /// Moves to that time and delivers the packets that have arrived by then. Time never goes back.
    pub fn advance(&mut self, to: u64) {
        self.now = self.now.max(to);
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (host, packet) = entry.remove();
            self.capture.arrived(self.now, &packet);
            if let Some(host) = self.hosts.get_mut(host) {
                host.port.arrived.push_back(packet);
            }
        }
    }

    /// The hash of all packets so far with their times of departure and arrival, and the number of packets.
    #[must_use]
    pub const fn hash(&self) -> (u64, u64) {
        (self.capture.hash(), self.capture.packets())
    }

    /// The capture as a pcap file; empty if none was requested.
    #[must_use]
    pub fn into_pcap(self) -> Vec<u8> {
        self.capture.into_file()
    }
}

fn instant(micros: u64) -> Instant {
    Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// The network interface of a host.
#[derive(Debug)]
struct Port {
    mtu: usize,
    arrived: VecDeque<Vec<u8>>,
    leaving: Vec<Vec<u8>>,
}

impl Device for Port {
    type RxToken<'a> = ReceivedPacket;
    type TxToken<'a> = SentPackets<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let packet = self.arrived.pop_front()?;
        Some((ReceivedPacket(packet), SentPackets(&mut self.leaving)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        Some(SentPackets(&mut self.leaving))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

struct ReceivedPacket(Vec<u8>);

impl RxToken for ReceivedPacket {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

struct SentPackets<'a>(&'a mut Vec<Vec<u8>>);

impl TxToken for SentPackets<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut packet = vec![0; length];
        let result = fill(&mut packet);
        self.0.push(packet);
        result
    }
}
