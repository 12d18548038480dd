//! Session tickets that outlive a process: a server with the same secret and the same TLS settings resumes the sessions.
//!
//! A ticket is a name of 16 bytes, a seed of 32 bytes, and the session encrypted with AES-256-GCM. HKDF-SHA256 derives a key from the
//! secret and the digest of the TLS settings; from that key come the name, which says which secret was used, and a separate key for each
//! ticket, from its seed. No pair of key and nonce therefore occurs twice, however many servers share a secret and for however long.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;
use sealwire_core::tls::{TicketKeys, TlsError};
use zeroize::Zeroizing;

/// The length of a secret, in bytes.
pub(crate) const SECRET: usize = 32;
const NAME: usize = 16;
const SEED: usize = 32;

/// The secrets; the first one encrypts, and all of them decrypt.
pub(crate) struct Secrets(Vec<Zeroizing<[u8; SECRET]>>);

impl Secrets {
    /// Takes ownership of the secrets, which should not be empty.
    pub(crate) const fn new(secrets: Vec<Zeroizing<[u8; SECRET]>>) -> Self {
        Self(secrets)
    }
}

impl fmt::Debug for Secrets {
    /// Shows only how many secrets there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl TicketKeys for Secrets {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn ticketer(&self, context: &[u8; 32]) -> Result<Arc<dyn ProducesTickets>, TlsError> {
        let keys: Result<Vec<Key>, Unspecified> = self.0.iter().map(|secret| Key::new(secret, context)).collect();
        let keys = keys.map_err(|_| TlsError::Config("no keys can be derived for session tickets".to_owned()))?;
        Ok(Arc::new(Ticketer(keys)))
    }
}

/// The key that is derived from a secret for one context.
struct Key {
    name: [u8; NAME],
    prk: Prk,
}

impl Key {
    fn new(secret: &[u8; SECRET], context: &[u8; 32]) -> Result<Self, Unspecified> {
        let extracted = Salt::new(HKDF_SHA256, b"sealwire session tickets").extract(secret);
        let prk = Prk::new_less_safe(HKDF_SHA256, &*expand(&extracted, b"context", context)?);
        let mut name = [0; NAME];
        name.copy_from_slice(expand(&prk, b"name", &[])?.first_chunk::<NAME>().ok_or(Unspecified)?);
        Ok(Self { name, prk })
    }

    /// The key of the one ticket with this seed.
    fn of_ticket(&self, seed: &[u8; SEED]) -> Result<LessSafeKey, Unspecified> {
        let key = expand(&self.prk, b"ticket", seed)?;
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key)?))
    }

    fn seal(&self, session: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut seed = [0; SEED];
        rand::fill(&mut seed)?;
        let mut sealed = Vec::with_capacity(NAME + SEED + session.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&self.name);
        sealed.extend_from_slice(&seed);
        sealed.extend_from_slice(session);
        let plain = sealed.get_mut(NAME + SEED..).ok_or(Unspecified)?;
        let tag = self.of_ticket(&seed)?.seal_in_place_separate_tag(only_nonce(), Aad::from(self.name), plain)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    fn open(&self, seed: &[u8; SEED], sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut session = sealed.to_vec();
        let length = self.of_ticket(seed)?.open_in_place(only_nonce(), Aad::from(self.name), &mut session)?.len();
        session.truncate(length);
        Ok(session)
    }
}

/// The nonce is constant, because each key encrypts one ticket only.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// HKDF-Expand. The labels are chosen so that no two pairs of label and `rest` have the same bytes.
fn expand(prk: &Prk, label: &[u8], rest: &[u8]) -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let mut out = Zeroizing::new([0; 32]);
    prk.expand(&[label, rest], HKDF_SHA256)?.fill(&mut *out)?;
    Ok(out)
}

/// The tickets of one context.
struct Ticketer(Vec<Key>);

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    /// rustls does not ask for this; the context bounds how long sessions may be resumed.
    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        self.0.first()?.seal(session).ok()
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_first_chunk::<NAME>()?;
        let (seed, sealed) = rest.split_first_chunk::<SEED>()?;
        self.0.iter().find(|key| key.name == *name)?.open(seed, sealed).ok()
    }
}

impl fmt::Debug for Ticketer {
    /// Shows only how many keys there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticketer({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticketer(secrets: &[u8], context: u8) -> Arc<dyn ProducesTickets> {
        let secrets = secrets.iter().map(|byte| Zeroizing::new([*byte; SECRET])).collect();
        Secrets::new(secrets).ticketer(&[context; 32]).unwrap()
    }

    #[test]
    fn a_ticket_is_opened_where_secret_and_context_are_the_same() {
        let ticket = ticketer(&[1], 7).encrypt(b"the session").unwrap();
        assert!(!ticket.windows(7).any(|window| window == b"session"));
        for (secrets, context, opens) in
            [(&[1][..], 7, true), (&[2, 1], 7, true), (&[2], 7, false), (&[1], 8, false), (&[], 7, false)]
        {
            let opened = ticketer(secrets, context).decrypt(&ticket);
            assert_eq!(opened.as_deref(), opens.then_some(b"the session".as_slice()), "{secrets:?} {context}");
        }
    }

    #[test]
    fn the_first_secret_encrypts_and_no_two_tickets_are_alike() {
        let both = ticketer(&[2, 1], 7);
        let (one, other) = (both.encrypt(b"x").unwrap(), both.encrypt(b"x").unwrap());
        assert_ne!(one[NAME..NAME + SEED], other[NAME..NAME + SEED]);
        assert!(ticketer(&[2], 7).decrypt(&one).is_some() && ticketer(&[1], 7).decrypt(&one).is_none());
    }

    #[test]
    fn a_ticket_that_was_changed_or_cut_is_none() {
        let ticketer = ticketer(&[1], 7);
        let ticket = ticketer.encrypt(b"the session").unwrap();
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(ticketer.decrypt(&changed), None, "byte {at}");
            assert_eq!(ticketer.decrypt(&ticket[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secrets = Secrets::new(vec![Zeroizing::new([0xab; SECRET])]);
        let shown = format!("{secrets:?} {:?}", secrets.ticketer(&[7; 32]).unwrap());
        assert_eq!(shown, "Secrets(1) Ticketer(1)");
    }
}
