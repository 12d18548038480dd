//! Lets the core's own tests run in WebAssembly: there `#[test]` is wasm-bindgen's, for a package whose root says
//! `#[cfg(all(test, target_arch = "wasm32"))] #[macro_use] extern crate sealwire_wasm_tests;`. The tests themselves are the same.

#[cfg(target_arch = "wasm32")]
pub use wasm_bindgen_test::wasm_bindgen_test as test;
