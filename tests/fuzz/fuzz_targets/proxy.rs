#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (sealwire_tests::fuzz::target("proxy").expect("the target").run)(data));
