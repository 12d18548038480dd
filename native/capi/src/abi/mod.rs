//! The structs that compiled programs share with this library, with the sizes and offsets of MariaDB Connector/C 3.3 on 64-bit Linux.
//!
//! Programs hold a `MYSQL` by value, read fields without a call and write some, so neither size nor offset may ever change.

mod charset;
mod connection;
mod data;
mod methods;
pub(crate) mod replication;
mod result;
mod statement;

pub(crate) use charset::{CharsetInfo, MyCharsetInfo};
pub(crate) use connection::{Mysql, MysqlParameters, Pvio};
pub(crate) use data::{List, MemRoot, MysqlData, MysqlField, MysqlRows};
pub(crate) use methods::{API_COUNT, Api, Methods};
pub(crate) use result::MysqlRes;
pub(crate) use statement::{MysqlBind, MysqlStmt, MysqlTime};

/// Checks a struct's size and the offsets of its fields while it compiles.
macro_rules! layout {
    ($type:ty, $size:literal; $($field:ident $offset:literal),* $(,)?) => {
        const _: () = {
            assert!(size_of::<$type>() == $size);
            $(assert!(core::mem::offset_of!($type, $field) == $offset);)*
        };
    };
}
use layout;

/// MariaDB's `my_bool`. Only 0 and 1 are ever written, because newer headers call it `bool`.
pub(crate) type MyBool = i8;

/// `MYSQL::status`: a command may be sent.
pub(crate) const STATUS_READY: u32 = 0;
/// `MYSQL::status`: a result waits for `mysql_store_result` or `mysql_use_result`.
pub(crate) const STATUS_GET_RESULT: u32 = 1;
/// `MYSQL::status`: rows are being read by `mysql_fetch_row`.
pub(crate) const STATUS_USE_RESULT: u32 = 2;
/// `MYSQL::status`: `mysql_send_query` has sent a query whose answer was not read.
pub(crate) const STATUS_QUERY_SENT: u32 = 3;
/// `MYSQL::status`: events of the binary log are on the way.
pub(crate) const STATUS_FETCHING_DATA: u32 = 5;
/// `MYSQL::status`: rows of a prepared statement wait.
pub(crate) const STATUS_STMT_RESULT: u32 = 8;
