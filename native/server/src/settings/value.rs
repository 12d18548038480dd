//! Values of variables, and the fields that store them.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sealwire_options::OptionValue;

/// A value as SET sets it and SHOW VARIABLES prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A whole number.
    Number(u64),
    /// ON or OFF.
    Switch(bool),
    /// A text.
    Text(Arc<str>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Switch(on) => f.write_str(if *on { "ON" } else { "OFF" }),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<OptionValue> for Value {
    fn from(given: OptionValue) -> Self {
        match given {
            OptionValue::Number(number) => Self::Number(number),
            OptionValue::Flag(on) => Self::Switch(on),
            OptionValue::Text(text) => Self::Text(text.into()),
            OptionValue::Bytes(bytes) => Self::Text(String::from_utf8_lossy(&bytes).into()),
            OptionValue::Bare => Self::Text("".into()),
        }
    }
}

impl From<&Value> for OptionValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(*number),
            Value::Switch(on) => Self::Flag(*on),
            Value::Text(text) => Self::Text(text.to_string()),
        }
    }
}

/// The type of a variable in a session: a plain field.
pub(crate) trait Field {
    /// The value.
    fn value(&self) -> Value;

    /// Stores a value of the field's type.
    fn set_value(&mut self, value: &Value);
}

impl Field for u64 {
    fn value(&self) -> Value {
        Value::Number(*self)
    }

    fn set_value(&mut self, value: &Value) {
        if let Value::Number(number) = value {
            *self = *number;
        }
    }
}

impl Field for bool {
    fn value(&self) -> Value {
        Value::Switch(*self)
    }

    fn set_value(&mut self, value: &Value) {
        if let Value::Switch(on) = value {
            *self = *on;
        }
    }
}

impl Field for Arc<str> {
    fn value(&self) -> Value {
        Value::Text(Self::clone(self))
    }

    fn set_value(&mut self, value: &Value) {
        if let Value::Text(text) = value {
            Self::clone_from(self, text);
        }
    }
}

/// The type of a server variable's field: all threads read it, and SET GLOBAL replaces its value.
pub(crate) trait SharedField: Send + Sync {
    /// The value.
    fn value(&self) -> Value;

    /// Stores a value of the field's type.
    fn set_value(&self, value: &Value);
}

/// A number that all threads share.
#[derive(Debug)]
pub(crate) struct SharedNumber(AtomicU64);

impl SharedNumber {
    pub(super) const fn new(number: u64) -> Self {
        Self(AtomicU64::new(number))
    }

    /// The number.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// The number as a count of objects in memory.
    pub(crate) fn count(&self) -> usize {
        usize::try_from(self.get()).unwrap_or(usize::MAX)
    }

    /// Sets the number.
    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Release);
    }
}

impl SharedField for SharedNumber {
    fn value(&self) -> Value {
        Value::Number(self.get())
    }

    fn set_value(&self, value: &Value) {
        if let Value::Number(number) = value {
            self.set(*number);
        }
    }
}

/// A switch that all threads share.
#[derive(Debug)]
pub(crate) struct SharedSwitch(AtomicBool);

impl SharedSwitch {
    pub(super) const fn new(on: bool) -> Self {
        Self(AtomicBool::new(on))
    }

    /// Whether it is ON.
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Sets it.
    pub(crate) fn set(&self, on: bool) {
        self.0.store(on, Ordering::Release);
    }
}

impl SharedField for SharedSwitch {
    fn value(&self) -> Value {
        Value::Switch(self.is_on())
    }

    fn set_value(&self, value: &Value) {
        if let Value::Switch(on) = value {
            self.set(*on);
        }
    }
}

/// A text that all threads share.
#[derive(Debug)]
pub(crate) struct SharedText(Mutex<Arc<str>>);

impl SharedText {
    pub(super) fn new(text: &str) -> Self {
        Self(Mutex::new(text.into()))
    }

    /// The text.
    pub(crate) fn get(&self) -> Arc<str> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the text.
    pub(crate) fn set(&self, text: impl Into<Arc<str>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }
}

impl SharedField for SharedText {
    fn value(&self) -> Value {
        Value::Text(self.get())
    }

    fn set_value(&self, value: &Value) {
        if let Value::Text(text) = value {
            self.set(Arc::clone(text));
        }
    }
}
