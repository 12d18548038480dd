//! `sealwire-bindgen <module.wasm> <folder> <name> [--node]`: writes `<name>.js`, `<name>.d.ts` and `<name>_bg.wasm`, for the web
//! or, to be tested, for node.

use std::env::args;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let words: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut bindgen = Bindgen::new();
    let (bindgen, folder) = match words.as_slice() {
        [module, folder, name] => {
            bindgen.input_path(module).out_name(name).typescript(true);
            // Without the default path the page would have to fetch the module by itself; without the name section the module is half as
            // large.
            bindgen.omit_default_module_path(false).remove_name_section(true).remove_producers_section(true);
            (bindgen.web(true), folder)
        }
        [module, folder, name, "--node"] => {
            bindgen.input_path(module).out_name(name).keep_debug(false).export_wasm(true);
            (bindgen.nodejs(true), folder)
        }
        _ => {
            eprintln!("usage: sealwire-bindgen <module.wasm> <folder> <name> [--node]");
            return ExitCode::FAILURE;
        }
    };
    match bindgen.and_then(|bindgen| bindgen.generate(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sealwire-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
