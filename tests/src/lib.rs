//! Tests that need more than one package or a real peer.
