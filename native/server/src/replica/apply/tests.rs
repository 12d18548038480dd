//! The applier on recorded and on made logs.
