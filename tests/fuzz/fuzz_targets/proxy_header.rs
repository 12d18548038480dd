#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (sealwire_tests::fuzz::target("proxy_header").expect("the target").run)(
    data
));
