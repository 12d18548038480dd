//! The possible next steps: deliveries, and the attacker's actions.

use sealwire_simnet::Toward;

use crate::world::{Setting, World};

/// One step from a state to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// The next message arrives.
    Deliver(Toward),
    /// The next message is lost.
    Drop(Toward),
    /// The next two messages are swapped.
    Swap(Toward),
    /// An earlier message, or the next one, arrives again; messages are counted from the first one sent.
    Again(Toward, usize),
    /// A message of the other direction is sent back to its sender.
    Reflect(Toward, usize),
    /// The next message arrives in altered form.
    Alter(Toward, Alteration),
    /// A message of the attacker arrives, with the expected sequence number.
    Inject(Toward, usize),
    /// The stream ends for one side.
    End(Toward),
    /// The attacker answers in the server's place from here on, with TLS, a certificate of his own, and any password accepted.
    Impersonate,
    /// Time passes.
    Time,
}

impl Move {
    pub(crate) const fn is_hostile(self) -> bool {
        !matches!(self, Self::Deliver(_))
    }
}

/// How a message can be altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alteration {
    /// Clears the SSL capability in a greeting or in the client's flags.
    NoSsl,
    /// Clears the capability of plugin authentication.
    NoPluginAuth,
    /// Replaces a plugin's name by that of the plugin that sends the password in clear text.
    ClearPlugin,
    /// Flips the last bit.
    LastBit,
    /// Removes the last byte, and corrects the length.
    Shorter,
    /// Appends a byte, and corrects the length.
    Longer,
}

const ALTERATIONS: [Alteration; 6] = [
    Alteration::NoSsl,
    Alteration::NoPluginAuth,
    Alteration::ClearPlugin,
    Alteration::LastBit,
    Alteration::Shorter,
    Alteration::Longer,
];

/// How many of its first messages a side may get again; later messages are encrypted rows.
const REPLAYED: usize = 4;

/// All possible steps from a state; the attacker's actions only if `attacks` is set.
///
/// A step at one machine and a step at the other have the same result in either order. So while messages are waiting for the server, only
/// steps at the server are searched.
pub(crate) fn moves(world: &World, attacks: bool) -> Vec<Move> {
    let mut moves = Vec::new();
    for toward in [Toward::Server, Toward::Client] {
        let (direction, other) = (world.direction(toward), world.direction(opposite(toward)));
        if !direction.queue.is_empty() {
            moves.push(Move::Deliver(toward));
        }
        if attacks && toward == Toward::Server && world.may_be_impersonated() {
            moves.push(Move::Impersonate);
        }
        if attacks && !is_over(world, toward) {
            if let Some(next) = direction.queue.front() {
                moves.push(Move::Drop(toward));
                let altered = |alteration: &Alteration| alter(next, *alteration, direction.tls).is_some();
                moves.extend(ALTERATIONS.into_iter().filter(altered).map(|how| Move::Alter(toward, how)));
            }
            if direction.queue.len() > 1 {
                moves.push(Move::Swap(toward));
            }
            moves.extend((0..direction.sent.len().min(REPLAYED)).map(|index| Move::Again(toward, index)));
            moves.extend((0..other.sent.len().min(REPLAYED)).map(|index| Move::Reflect(toward, index)));
            // Inside TLS, all plaintext packets are alike.
            let forged = if direction.tls { FORGED - 2 } else { 0 };
            moves.extend((forged..FORGED).map(|index| Move::Inject(toward, index)));
            moves.push(Move::End(toward));
        }
        if !direction.queue.is_empty() {
            return moves;
        }
    }
    if attacks && !world.is_late() {
        moves.push(Move::Time);
    }
    moves
}

const fn opposite(toward: Toward) -> Toward {
    match toward {
        Toward::Server => Toward::Client,
        Toward::Client => Toward::Server,
    }
}

/// Whether a side takes no more input.
fn is_over(world: &World, toward: Toward) -> bool {
    match toward {
        Toward::Server => world.server_error.is_some() || world.host.closed,
        Toward::Client => world.client_error.is_some(),
    }
}

pub(crate) fn apply(step: &Move, world: &mut World, setting: &Setting) {
    match *step {
        Move::Deliver(toward) => {
            if let Some(message) = world.direction_mut(toward).queue.pop_front() {
                world.deliver(toward, message);
            }
        }
        Move::Drop(toward) => drop(world.direction_mut(toward).queue.pop_front()),
        Move::Swap(toward) => world.direction_mut(toward).queue.swap(0, 1),
        Move::Again(toward, index) => {
            let message = world.direction(toward).sent[index].clone();
            world.deliver(toward, message);
        }
        Move::Reflect(toward, index) => {
            let mut message = world.direction(opposite(toward)).sent[index].clone();
            renumber(&mut message, due(world, toward));
            world.deliver(toward, message);
        }
        Move::Alter(toward, how) => {
            let tls = world.direction(toward).tls;
            let message = world.direction_mut(toward).queue.pop_front().unwrap_or_default();
            if let Some(altered) = alter(&message, how, tls) {
                world.deliver(toward, altered);
            }
        }
        Move::Inject(toward, index) => {
            let message = forged(toward, index, due(world, toward));
            world.deliver(toward, message);
        }
        Move::End(toward) => world.end(toward),
        Move::Impersonate => world.impersonate(setting),
        Move::Time => world.pass_time(),
    }
}

fn due(world: &World, toward: Toward) -> u8 {
    world.due[usize::from(toward == Toward::Client)]
}

fn renumber(message: &mut [u8], number: u8) {
    if let Some(byte) = message.get_mut(3) {
        *byte = number;
    }
}

/// Whether the bytes begin with an SSLRequest packet.
pub(crate) fn is_ssl_request(bytes: &[u8]) -> bool {
    bytes.starts_with(&[32, 0, 0])
}

const CLEAR: &[u8] = b"mysql_clear_password";
const PLUGINS: [&[u8]; 4] = [b"mysql_native_password", b"caching_sha2_password", b"sha256_password", b"client_ed25519"];

/// Alters a message; `None` where the message has nothing to alter in that way.
fn alter(message: &[u8], how: Alteration, tls: bool) -> Option<Vec<u8>> {
    let mut altered = message.to_vec();
    let is_record = tls && !is_ssl_request(message);
    let is_greeting = !is_record && message.get(4) == Some(&10);
    // A greeting's lower flags come after the version's NUL, the connection id and the first part of the scramble; a client's come first.
    let flags = match is_greeting {
        true => 5 + message.get(5..)?.iter().position(|byte| *byte == 0)? + 1 + 4 + 8 + 1,
        false => 4,
    };
    match how {
        Alteration::NoSsl if !is_record => *altered.get_mut(flags + 1)? &= !0x08,
        // A greeting's upper flags come after the character set and the status.
        Alteration::NoPluginAuth if !is_record => *altered.get_mut(flags + if is_greeting { 5 } else { 2 })? &= !0x08,
        Alteration::ClearPlugin if !is_record => {
            let name = PLUGINS.iter().find(|name| find(message, name).is_some())?;
            let at = find(message, name)?;
            altered.splice(at..at + name.len(), CLEAR.iter().copied());
        }
        Alteration::LastBit => *altered.last_mut()? ^= 1,
        Alteration::Shorter => drop(altered.pop()?),
        Alteration::Longer => altered.push(0),
        _ => return None,
    }
    if !is_record {
        let length = (altered.len().checked_sub(4)? as u32).to_le_bytes();
        altered[..3].copy_from_slice(&length[..3]);
    } else if let Some(body) = altered.len().checked_sub(5) {
        altered[3..5].copy_from_slice(&(body as u16).to_be_bytes());
    }
    (altered != message).then_some(altered)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// How many messages of his own the attacker has for each side.
const FORGED: usize = 8;

/// The attacker's messages; each is the first one that its kind of attack sends.
fn forged(toward: Toward, index: usize, number: u8) -> Vec<u8> {
    let scramble = [b'x'; 20];
    let payload: Vec<u8> = match (toward, index) {
        // OK, as after authentication.
        (Toward::Client, 0) => vec![0, 0, 0, 2, 0, 0, 0],
        (Toward::Client, 1) => [b"\xff\x15\x04#28000".as_slice(), b"Access denied"].concat(),
        (Toward::Client, 2) => [b"\xfe".as_slice(), CLEAR, b"\0"].concat(),
        (Toward::Client, 3) => [b"\xfemysql_native_password\0".as_slice(), &scramble, b"\0"].concat(),
        (Toward::Client, 4) => [b"\xfecaching_sha2_password\0".as_slice(), &scramble, b"\0"].concat(),
        // caching_sha2_password: the digest was right; and: send the password.
        (Toward::Client, 5) => vec![1, 3],
        (Toward::Client, 6) => vec![1, 4],
        // A greeting without TLS, otherwise with the capabilities of MySQL 5.6.
        (Toward::Client, _) => [
            b"\x0a5.6.51\0\x07\0\0\0xxxxxxxx\0\xff\xf7\x08\x02\0\x7f\x80\x15".as_slice(),
            &[0; 10],
            b"xxxxxxxxxxxx\0mysql_native_password\0",
        ]
        .concat(),
        // SSLRequest.
        (Toward::Server, 0) => [[0x05, 0xaa, 0x0b, 0x01, 0, 0, 0, 1, 45].as_slice(), &[0; 23]].concat(),
        (Toward::Server, 1) => response(&[]),
        (Toward::Server, 2) => response(&scramble),
        (Toward::Server, 3) => Vec::new(),
        (Toward::Server, 4) => scramble.to_vec(),
        // An empty password, as the SHA-2 plugins send it.
        (Toward::Server, 5) => vec![0],
        // A command, with a command's sequence number.
        (Toward::Server, 6) => return packet(0, b"\x03DROP TABLE t"),
        // A TLS record of application data that is not encrypted.
        (Toward::Server, _) => return vec![23, 3, 3, 0, 4, 1, 2, 3, 4],
    };
    packet(number, &payload)
}

/// HandshakeResponse41 for the client's user.
fn response(auth: &[u8]) -> Vec<u8> {
    let mut payload = vec![0x05, 0xa2, 0x0b, 0x00, 0, 0, 0, 1, 45];
    payload.extend_from_slice(&[0; 23]);
    payload.extend_from_slice(b"learner\0");
    payload.push(auth.len() as u8);
    payload.extend_from_slice(auth);
    payload.extend_from_slice(b"mysql_native_password\0");
    payload
}

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let [low, middle, high, _] = (payload.len() as u32).to_le_bytes();
    [&[low, middle, high, number], payload].concat()
}
