//! The rules that hold in every state.

use sealwire_simnet::Toward;

use crate::world::{QUERY, Setting, World};

/// The name of the rule that a state breaks.
pub(crate) fn check(setting: &Setting, world: &World) -> Result<(), &'static str> {
    let scenario = &setting.scenario;
    let (client, server) = (world.client.facts(), world.server.facts());
    let rule = |holds: bool, name: &'static str| if holds { Ok(()) } else { Err(name) };
    let demands_tls = scenario.client.ssl_mode != "PREFERRED";
    let let_in = world.host.user.is_some();

    let knows_password = scenario.client.password == scenario.account.password;
    rule(!let_in || knows_password, "somebody was let in without the password")?;
    rule(!let_in || scenario.account.require.is_empty() || server.tls.is_some(), "a REQUIREd account over plaintext")?;

    let password = scenario.client.password.as_bytes();
    let says = |bytes: &Vec<u8>| bytes.windows(password.len()).any(|window| window == password);
    rule(!world.direction(Toward::Server).sent.iter().any(says), "the password in clear outside verified TLS")?;

    if world.connected() {
        rule(!demands_tls || client.tls.is_some(), "a client that demands TLS is connected without")?;
        if let Some(ours) = &client.tls {
            let theirs = server.tls.as_ref().ok_or("a client believes in TLS that the server does not have")?;
            rule(
                (ours.version, ours.suite, ours.group) == (theirs.version, theirs.suite, theirs.group),
                "the sides have different TLS",
            )?;
            rule(let_in, "the client is connected and the server let nobody in")?;
        }
    }
    if server.tls.is_some() {
        rule(world.host.queries.iter().all(|query| query == QUERY), "a command that the client never gave was run")?;
        rule(world.host.queries.len() <= 1, "a command was run twice")?;
    }
    if demands_tls {
        // The client sends the SSLRequest, then records, and nothing of the login in plaintext.
        let in_plaintext = |bytes: &Vec<u8>| !matches!(bytes.first(), Some(20..=23)) && bytes.len() != 36;
        rule(
            !world.direction(Toward::Server).sent.iter().any(in_plaintext),
            "a client that demands TLS spoke in plaintext",
        )?;
    }

    rule(!world.waits_for_ever, "a handshake without a deadline")?;
    if world.is_late() {
        rule(world.connected() || world.client_error.is_some(), "a client that waits past its deadline")?;
        let over = let_in || world.server_error.is_some() || world.host.closed;
        rule(over, "a server that waits past its deadline")?;
    }
    Ok(())
}
