//! Checks whether a client may use the bridge: the origin of its page, its token, and the requested target.

use super::closing::{CloseReason, Closing};
use super::exchange::TARGETS;
use super::http::Request;
use super::settings::Settings;
use super::shared::Shared;

/// The index of the requested target in the settings, and its name. The origin is checked first, then the token, so that an unauthorized
/// client does not learn which targets exist.
///
/// # Errors
/// Why the client is refused.
pub(super) fn authorize<'a>(request: &'a Request, shared: &Shared) -> Result<(usize, &'a str), Closing> {
    if !shared.origins.allow(request.origin.as_deref()) {
        let option = shared.settings.option("allow-origin");
        return Err(Closing::origin_refused(request.origin.as_deref().unwrap_or_default(), &option));
    }
    if let Some(token) = &shared.settings.token {
        let given = request.token();
        if !given.is_some_and(|given| token.is(given.as_bytes())) {
            return Err(Closing::token_refused(given.is_some()));
        }
    }
    let name = request.path.strip_prefix(TARGETS).unwrap_or(&request.path);
    let place = shared.settings.targets.iter().position(|target| target.name == name);
    place.map(|place| (place, name)).ok_or_else(|| Closing::unknown_target(name))
}

/// How many bytes of an origin the log shows at most.
const MOST_ORIGIN: usize = 200;

/// The log line for the operator where a client is refused: who it is, why it is refused, and which option decides.
pub(super) fn refusal(closing: &Closing, request: &Request, settings: &Settings) -> Option<String> {
    match closing.reason {
        CloseReason::OriginRefused => {
            let origin: String = request.origin.iter().flat_map(|origin| origin.chars()).take(MOST_ORIGIN).collect();
            let option = settings.option("allow-origin");
            Some(format!("pages of the origin '{origin}' may not use this bridge; {option}={origin} allows it"))
        }
        CloseReason::TokenRefused => {
            let shown = if request.token().is_some() { "a wrong token" } else { "no token" };
            let option = settings.option("token-file");
            let origin = request.origin.as_deref().unwrap_or("no page").chars().take(MOST_ORIGIN).collect::<String>();
            Some(format!("the client sent {shown} (origin: {origin}); the token is in the file of {option}"))
        }
        // Its name is shortened already.
        CloseReason::UnknownTarget => Some(closing.sentence.clone()),
        _ => None,
    }
}
