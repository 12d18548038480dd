//! `sealwire-bindgen <module.wasm> <folder> <name>`: writes `<name>.js`, `<name>.d.ts` and `<name>_bg.wasm`.

use std::env::args;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let [module, folder, name] = match <[String; 3]>::try_from(args().skip(1).collect::<Vec<_>>()) {
        Ok(three) => three,
        Err(_) => {
            eprintln!("usage: sealwire-bindgen <module.wasm> <folder> <name>");
            return ExitCode::FAILURE;
        }
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(&name).typescript(true);
    // Without the default path the page would have to fetch the module by itself; without names it is half as large.
    bindgen.omit_default_module_path(false).remove_name_section(true).remove_producers_section(true);
    let written = bindgen.web(true).and_then(|bindgen| bindgen.generate(folder));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sealwire-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
