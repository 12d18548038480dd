//! The authentication plugins, which are all built in: what a program may ask about them.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

use sealwire_core::auth::Plugin;

use crate::abi::Mysql;
use crate::failure;
use crate::handle::{Handle, exports, text, with};

/// `MYSQL_CLIENT_AUTHENTICATION_PLUGIN`.
const AUTHENTICATION: c_int = 2;

type Function = Option<unsafe extern "C" fn() -> c_int>;

/// `struct st_mysql_client_plugin_AUTHENTICATION`.
#[repr(C)]
pub(crate) struct Descriptor {
    kind: c_int,
    interface_version: c_uint,
    name: *const c_char,
    author: *const c_char,
    description: *const c_char,
    version: [c_uint; 3],
    license: *const c_char,
    api: *mut c_void,
    init: Function,
    deinit: Function,
    options: Function,
    authenticate_user: Function,
}

// SAFETY: the pointers are to constant texts and functions, which every thread may read.
unsafe impl Sync for Descriptor {}

const _: () = assert!(size_of::<Descriptor>() == 96 && std::mem::offset_of!(Descriptor, authenticate_user) == 88);

/// `CR_ERROR`: the exchange runs inside the library, and not by a call from outside.
unsafe extern "C" fn not_from_outside() -> c_int {
    0
}

const fn descriptor(name: &'static CStr) -> Descriptor {
    Descriptor {
        kind: AUTHENTICATION,
        interface_version: 0x0100,
        name: name.as_ptr(),
        author: c"Sealwire".as_ptr(),
        description: c"Built into Sealwire's libmariadb".as_ptr(),
        version: [0, 1, 0],
        license: c"MIT or Apache-2.0".as_ptr(),
        api: ptr::null_mut(),
        init: None,
        deinit: None,
        options: None,
        authenticate_user: Some(not_from_outside),
    }
}

static DESCRIPTORS: [(Plugin, Descriptor); 7] = [
    (Plugin::MysqlNativePassword, descriptor(c"mysql_native_password")),
    (Plugin::CachingSha2Password, descriptor(c"caching_sha2_password")),
    (Plugin::Sha256Password, descriptor(c"sha256_password")),
    (Plugin::MysqlClearPassword, descriptor(c"mysql_clear_password")),
    (Plugin::ClientEd25519, descriptor(c"client_ed25519")),
    (Plugin::Parsec, descriptor(c"parsec")),
    (Plugin::Dialog, descriptor(c"dialog")),
];

fn built_in(name: &CStr, kind: c_int) -> Option<&'static Descriptor> {
    if kind != AUTHENTICATION && kind != -1 {
        return None;
    }
    let found = DESCRIPTORS.iter().find(|(plugin, _)| plugin.name().as_bytes() == name.to_bytes());
    found.map(|(_, descriptor)| descriptor)
}

impl Handle<'_> {
    fn refuse_plugin(&mut self, name: &CStr, reason: &str) -> *mut c_void {
        let text = format!("Plugin {} could not be loaded: {reason}", name.to_string_lossy());
        self.set_error(&failure::hy000(2059, text));
        ptr::null_mut()
    }

    /// The descriptor of a plugin that is there; no other is loaded.
    fn plugin(&mut self, name: &CStr, kind: c_int, is_load: bool) -> *mut c_void {
        match built_in(name, kind) {
            Some(_) if is_load => self.refuse_plugin(name, "it is already loaded"),
            Some(descriptor) => ptr::from_ref(descriptor).cast_mut().cast(),
            None => self.refuse_plugin(name, "Sealwire loads no plugins, and does not have this one"),
        }
    }
}

exports! {
    /// The descriptor of a plugin that is built in; NULL and 2059 for another one.
    fn mysql_client_find_plugin(mysql: *mut Mysql, name: *const c_char, kind: c_int) -> *mut c_void = ptr::null_mut(); {
        let name = text(name).unwrap_or_default();
        with(mysql, ptr::null_mut(), |handle| handle.plugin(name, kind, false))
    }

    /// Adding a plugin of the program's own, which this library would not run.
    fn mysql_client_register_plugin(mysql: *mut Mysql, plugin: *mut Descriptor) -> *mut c_void = ptr::null_mut(); {
        let given = plugin.as_ref();
        let name = given.map_or(c"", |given| text(given.name).unwrap_or_default());
        let kind = given.map_or(-1, |given| given.kind);
        with(mysql, ptr::null_mut(), |handle| handle.plugin(name, kind, true))
    }

    /// Loading a plugin from a file.
    fn mysql_load_plugin(mysql: *mut Mysql, name: *const c_char, kind: c_int, _count: c_int) -> *mut c_void = ptr::null_mut(); {
        let name = text(name).unwrap_or_default();
        with(mysql, ptr::null_mut(), |handle| handle.plugin(name, kind, true))
    }

    /// The same, with a list of arguments.
    fn mysql_load_plugin_v(
        mysql: *mut Mysql,
        name: *const c_char,
        kind: c_int,
        _count: c_int,
        _arguments: *mut c_void,
    ) -> *mut c_void = ptr::null_mut(); {
        let name = text(name).unwrap_or_default();
        with(mysql, ptr::null_mut(), |handle| handle.plugin(name, kind, true))
    }
}
