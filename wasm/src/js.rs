//! Values and errors for JavaScript. On wasm only.

use sealwire_core::error::{Error, Side, SqlError};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::report::Failure;

/// A plain object.
///
/// # Errors
/// None that a caller can cause.
pub fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    serde_wasm_bindgen::to_value(value).map_err(JsValue::from)
}

/// An error with the fields of `SealwireError`.
pub fn failure(error: &Error) -> JsValue {
    to_js(&Failure::from(error)).unwrap_or_else(|error| error)
}

/// An error by which this side refuses what the server sent, or what the caller gave.
pub fn sql_failure(error: &SqlError) -> JsValue {
    failure(&Error::Refused { by: Side::Client, error: error.clone() })
}

/// An error for a wrong call, in the same form as every other error.
pub fn misuse(what: &str) -> JsValue {
    let failure =
        Failure { code: 2014, sql_state: "HY000".to_owned(), message: what.to_owned(), blame: "Misuse", hint: None };
    to_js(&failure).unwrap_or_else(|error| error)
}
