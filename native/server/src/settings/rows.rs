//! The macros that turn the table of system variables into fields, definitions and options: see [`super::system_variables`].

/// Maps a row's scope and kind to its fields.
macro_rules! of_row {
    // The type of the field in the server's values; `()` where the value is stored elsewhere.
    (shared global Number) => { SharedNumber };
    (shared global Switch) => { SharedSwitch };
    (shared global $kind:ident) => { SharedText };
    (shared fixed $kind:ident) => { of_row!(shared global $kind) };
    (shared option $kind:ident) => { of_row!(shared global $kind) };
    (shared $scope:ident $(($of:ident))? $kind:ident) => { () };

    // The field's initial value.
    (first shared global Number $default:expr) => { SharedNumber::new($default) };
    (first shared global Switch $default:expr) => { SharedSwitch::new($default) };
    (first shared global $kind:ident $default:expr) => { SharedText::new($default) };
    (first shared fixed $kind:ident $default:expr) => { of_row!(first shared global $kind $default) };
    (first shared option $kind:ident $default:expr) => { of_row!(first shared global $kind $default) };
    (first shared $scope:ident $(($of:ident))? $kind:ident $default:expr) => { () };

    // The type of the field in a session's values.
    (own both Number) => { u64 };
    (own both Switch) => { bool };
    (own both $kind:ident) => { Arc<str> };
    (own session $kind:ident) => { of_row!(own both $kind) };
    (own $scope:ident $(($of:ident))? $kind:ident) => { () };

    // The field's initial value.
    (first own both Number $default:expr) => { $default };
    (first own both Switch $default:expr) => { $default };
    (first own both $kind:ident $default:expr) => { Arc::from($default) };
    (first own session $kind:ident $default:expr) => { of_row!(first own both $kind $default) };
    (first own $scope:ident $(($of:ident))? $kind:ident $default:expr) => { () };

    // The scope.
    (scope both) => { Scope::Both };
    (scope same_as($of:ident)) => { Scope::Both };
    (scope session) => { Scope::Session };
    (scope session_fact($of:ident)) => { Scope::Session };
    (scope option) => { Scope::Start };
    (scope $scope:ident $(($of:ident))?) => { Scope::Global };

    // The location of the value.
    (location both $name:ident) => { ValueLocation::Session(|values| &values.$name, |values| &mut values.$name) };
    (location session $name:ident) => { of_row!(location both $name) };
    (location same_as($of:ident) $name:ident) => { of_row!(location both $of) };
    (location session_fact($of:ident) $name:ident) => { ValueLocation::Fact(Fact::$of) };
    (location server_fact($of:ident) $name:ident) => { ValueLocation::Fact(Fact::$of) };
    (location given_fact($of:ident) $name:ident) => { ValueLocation::Fact(Fact::$of) };
    (location global_as($of:ident) $name:ident) => { ValueLocation::Server(|globals| &globals.$of) };
    (location $scope:ident $name:ident) => { ValueLocation::Server(|globals| &globals.$name) };

    // The default, for the option and the definition.
    (preset Number $default:expr) => { Preset::Number($default) };
    (preset Switch $default:expr) => { Preset::Flag($default) };
    (preset $kind:ident $default:expr) => { Preset::Text($default) };

    // Whether SET may change it.
    (dynamic fixed $definition:expr) => { $definition.read_only() };
    (dynamic server_fact($of:ident) $definition:expr) => { $definition.read_only() };
    (dynamic $scope:ident($of:ident) $definition:expr) => { $definition };
    (dynamic $scope:ident $definition:expr) => { $definition };
}

macro_rules! system_variables {
    ($(
        $name:ident: $scope:ident $(($of:ident))? $kind:ident $(($($bound:expr),*))? = $default:expr
            $(, $column:ident($($argument:expr),*))*
            $(=> $help:literal $(, $more:ident($($detail:expr),*))*)?;
    )*) => {
        /// The server's values. Each is a field, so reading one needs no search.
        #[derive(Debug)]
        #[allow(dead_code, reason = "the field of a value that is kept elsewhere is empty")]
        pub(crate) struct Globals {
            $(pub(crate) $name: of_row!(shared $scope $(($of))? $kind),)*
            /// The values with which new sessions begin.
            pub(super) inherited: Mutex<Arc<SessionVariables>>,
        }

        impl Default for Globals {
            fn default() -> Self {
                Self {
                    $($name: of_row!(first shared $scope $(($of))? $kind $default),)*
                    inherited: Mutex::default(),
                }
            }
        }

        /// A session's values. Each is a field, so reading one needs no search.
        #[derive(Debug, Clone)]
        #[allow(dead_code, reason = "the field of a value that is kept elsewhere is empty")]
        pub(crate) struct SessionVariables {
            $(pub(crate) $name: of_row!(own $scope $(($of))? $kind),)*
        }

        impl Default for SessionVariables {
            fn default() -> Self {
                Self { $($name: of_row!(first own $scope $(($of))? $kind $default),)* }
            }
        }

        /// The definitions, each under its variable's name, so that a mistyped name does not compile.
        #[allow(non_upper_case_globals, reason = "a variable's name is written as MySQL writes it")]
        pub(crate) mod variable {
            use super::*;

            $(
                pub(crate) const $name: SystemVariable = of_row!(dynamic $scope $(($of))? SystemVariable::new(
                    stringify!($name),
                    option_name!(stringify!($name)),
                    of_row!(scope $scope $(($of))?),
                    Kind::$kind $(($($bound),*))?,
                    of_row!(preset $kind $default),
                    of_row!(location $scope $(($of))? $name),
                ))
                $(.$column($($argument),*))*;
            )*
        }

        /// All rows.
        pub(super) const ROWS: &[SystemVariable] = &[$(variable::$name),*];

        /// The options of the rows that have one.
        pub(crate) const OPTIONS: &[Spec] = &[$($(variable::$name.option($help) $(.$more($($detail),*))*,)?)*];
    };
}

pub(super) use {of_row, system_variables};
