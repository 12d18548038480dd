//! Records one connection between a client and a server as a capture that tshark reads: without privileges, without lost packets, and
//! without packets of other connections.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// The sender of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The side that connected.
    Client,
    /// The side that listened.
    Server,
}

/// The bytes sent, in their order.
type Sent = Arc<Mutex<Vec<(Sender, Vec<u8>)>>>;

/// A relay that forwards one connection to a server on 127.0.0.1.
pub struct Recorder {
    /// The port on 127.0.0.1 that the client is to connect to.
    pub port: u16,
    server_port: u16,
    sent: Sent,
    relay: JoinHandle<io::Result<()>>,
}

impl Recorder {
    /// Listens in place of the server at this port.
    pub fn before(server_port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let sent = Sent::default();
        let relay = thread::spawn({
            let sent = Arc::clone(&sent);
            move || relay(&listener, server_port, &sent)
        });
        Ok(Self { port, server_port, sent, relay })
    }

    /// Waits until the client closes the connection, and writes the capture, which shows the server's own port.
    pub fn finish(self, capture: &Path) -> io::Result<()> {
        self.relay.join().map_err(|_| io::Error::other("the relay panicked"))??;
        let sent = self.sent.lock().map_err(|_| io::Error::other("the relay panicked"))?;
        fs::write(capture, pcap(&sent, self.port, self.server_port))
    }
}

fn relay(listener: &TcpListener, server_port: u16, sent: &Sent) -> io::Result<()> {
    let (client, _) = listener.accept()?;
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server_port))?;
    thread::scope(|scope| {
        let up = scope.spawn(|| pass_on(&client, &server, Sender::Client, sent));
        let down = pass_on(&server, &client, Sender::Server, sent);
        up.join().unwrap_or_else(|_| Err(io::Error::other("the relay panicked"))).and(down)
    })
}

/// Forwards bytes; they are recorded first, so that the answer to them always comes later in the recording. A reset ends a direction like a
/// close.
fn pass_on(mut from: &TcpStream, mut to: &TcpStream, sender: Sender, sent: &Sent) -> io::Result<()> {
    let mut buffer = vec![0; MAX_SEGMENT];
    while let Some(bytes) = from.read(&mut buffer).ok().and_then(|length| buffer.get(..length))
        && !bytes.is_empty()
    {
        sent.lock().map_err(|_| io::Error::other("the relay panicked"))?.push((sender, bytes.to_owned()));
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    // An error means that the other side is gone already.
    let _ = to.shutdown(Shutdown::Write);
    Ok(())
}

/// The largest TCP payload written, less than an IPv4 packet's 65,535 bytes.
const MAX_SEGMENT: usize = 32 * 1024;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The classic capture format (libpcap's savefile), with raw IPv4 packets.
fn pcap(sent: &[(Sender, Vec<u8>)], client_port: u16, server_port: u16) -> Vec<u8> {
    /// LINKTYPE_RAW.
    const RAW_IP: u32 = 101;
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2_u16, 4].into_iter().flat_map(u16::to_le_bytes));
    file.extend([0, 0, 65_535, RAW_IP].into_iter().flat_map(u32::to_le_bytes));
    let mut stream = Stream { file, ports: [client_port, server_port], next: [0, 0], packets: 0 };
    stream.packet(Sender::Client, SYN, &[]);
    stream.packet(Sender::Server, SYN | ACK, &[]);
    stream.packet(Sender::Client, ACK, &[]);
    let mut before_first = true;
    let mut records = [Records::default(), Records::default()];
    for (sender, bytes) in sent {
        let mut rest = bytes.as_slice();
        if *sender == Sender::Client && std::mem::take(&mut before_first) {
            // tshark takes everything in the segment of an SSLRequest for plaintext, so the SSLRequest gets a segment of its own.
            let (packet, more) = rest.split_at(first_packet(rest));
            stream.packet(*sender, ACK, packet);
            rest = more;
        }
        let Some(records) = records.get_mut(*sender as usize) else { continue };
        while !rest.is_empty() {
            let (record, more) = rest.split_at(records.end_in(rest));
            stream.packet(*sender, ACK, record);
            rest = more;
        }
    }
    stream.packet(Sender::Client, FIN | ACK, &[]);
    stream.packet(Sender::Server, FIN | ACK, &[]);
    stream.packet(Sender::Client, ACK, &[]);
    stream.file
}

/// The boundaries of one side's TLS records: each record gets a segment of its own. If several records of a result came in one segment,
/// tshark would keep only one state for them and report errors in the rows.
#[derive(Default)]
struct Records {
    /// How many bytes of the current record are still to come.
    left: usize,
}

impl Records {
    /// How many of these bytes, which continue the previous ones, belong to one record; all of them where they are no TLS record.
    fn end_in(&mut self, bytes: &[u8]) -> usize {
        if self.left == 0 {
            self.left = match bytes {
                [20..=23, 3, 0..=4, high, low, ..] => 5 + usize::from(u16::from_be_bytes([*high, *low])),
                _ => bytes.len(),
            };
        }
        let end = self.left.min(bytes.len());
        self.left -= end;
        end
    }
}

/// The length of the MySQL packet at the front of these bytes, its header included.
fn first_packet(bytes: &[u8]) -> usize {
    let length = bytes.first_chunk().map_or(bytes.len(), |&[a, b, c]| 4 + u32::from_le_bytes([a, b, c, 0]) as usize);
    length.min(bytes.len())
}

/// A TCP connection as packets; the client's part of each pair comes first.
struct Stream {
    file: Vec<u8>,
    ports: [u16; 2],
    /// The next sequence numbers.
    next: [u32; 2],
    packets: u32,
}

impl Stream {
    fn packet(&mut self, sender: Sender, flags: u8, payload: &[u8]) {
        let ([mut from, mut to], [mut sequence, mut acknowledged]) = (self.ports, self.next);
        let ([mut source, mut destination], own) = ([[127, 0, 0, 1], [127, 0, 0, 2]], sender as usize);
        if sender == Sender::Server {
            (from, to, sequence, acknowledged) = (to, from, acknowledged, sequence);
            (source, destination) = (destination, source);
        }
        let mut packet = Vec::with_capacity(40 + payload.len());
        // IPv4 without options; nobody checks the checksums.
        let length = u16::try_from(40 + payload.len()).expect("a payload is at most MAX_SEGMENT");
        packet.extend([0x45, 0]);
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        packet.extend(source);
        packet.extend(destination);
        // TCP without options.
        packet.extend([from, to].into_iter().flat_map(u16::to_be_bytes));
        packet.extend([sequence, acknowledged].into_iter().flat_map(u32::to_be_bytes));
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);

        let length = u32::from(length);
        // One packet each millisecond.
        let time = [self.packets / 1000, self.packets % 1000 * 1000];
        self.file.extend(time.into_iter().chain([length, length]).flat_map(u32::to_le_bytes));
        self.file.extend(packet);
        self.packets += 1;
        // SYN and FIN count as one byte each.
        let counted = length - 40 + u32::from(flags & (SYN | FIN) != 0);
        if let Some(next) = self.next.get_mut(own) {
            *next = next.wrapping_add(counted);
        }
    }
}
