//! SHOW and DESCRIBE.

use std::borrow::Cow;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sealwire_core::message::{ColumnDefinition, ColumnFlags, ColumnType};

use super::answer::{Answer, Table};
use super::{Session, processlist, statement, system_tables};
use crate::counters::count;
use crate::engine::{
    SessionContext as _, SystemTable, TableDefinition, UnlistedTable, declared_column, is_system_database,
    unknown_database,
};
use crate::sql::charset::default_collation;
use crate::sql::{
    Budget, Cursor, Datum, Names, Pattern, TextCharset, backquoted, evaluate, is_true, parse_expression, text_literal,
};

impl Session {
    /// Executes SHOW, whose first word is already taken.
    pub(super) fn show(&self, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        if words.accept_all(&["COUNT", "(", "*", ")"]) {
            return self.show_count(words);
        }
        let global = words.accept("GLOBAL");
        let scoped = global || words.accept("SESSION") || words.accept("LOCAL");
        if words.accept("STATUS") {
            count(&self.view.server.counters.com_show_status);
            return pairs("SESSION_STATUS", system_tables::status(&self.view, global), words);
        }
        if words.accept("VARIABLES") {
            return pairs("SESSION_VARIABLES", system_tables::variables(&self.view, global), words);
        }
        if scoped {
            return Err(words.syntax_error());
        }
        if let Some(answer) = self.show_binary_log(words)? {
            return Ok(answer);
        }
        if let Some(answer) = self.show_channels(words)? {
            return Ok(answer);
        }
        let full = words.accept("FULL");
        words.accept("EXTENDED");
        if let Some(answer) = self.show_listing(words)? {
            return Ok(answer);
        }
        let what = words.accept_one(&[
            "PROCESSLIST",
            "WARNINGS",
            "ERRORS",
            "DATABASES",
            "SCHEMAS",
            "TABLES",
            "COLUMNS",
            "FIELDS",
            "CREATE",
            "INDEX",
            "INDEXES",
            "KEYS",
            "ENGINES",
            "STORAGE",
            "CHARSET",
            "CHARACTER",
            "CHAR",
            "COLLATION",
            "PRIVILEGES",
            "PLUGINS",
        ]);
        match what {
            Some("PROCESSLIST") => {
                words.expect_end()?;
                Ok(Answer::Rows(Table {
                    columns: columns(processlist::COLUMNS),
                    rows: processlist::rows(&self.view, full),
                }))
            }
            Some("WARNINGS") => self.show_warnings(words, |_| true),
            Some("ERRORS") => self.show_warnings(words, |level| level == "Error"),
            Some("DATABASES" | "SCHEMAS") => {
                let rows =
                    system_tables::databases(&self.view).into_iter().map(|name| vec![Datum::Text(name)]).collect();
                filtered(Table { columns: columns(&[("Database", "VARCHAR(64)")]), rows }, words)
            }
            Some("TABLES") => self.show_tables(full, words),
            Some("COLUMNS" | "FIELDS") => self.show_columns(full, words),
            Some("CREATE") => self.show_create(words),
            Some("INDEX" | "INDEXES" | "KEYS") => self.show_index(words),
            Some("STORAGE" | "ENGINES") => {
                words.accept("ENGINES");
                filtered(Table { columns: columns(system_tables::ENGINES), rows: system_tables::engines() }, words)
            }
            Some("CHARSET" | "CHARACTER" | "CHAR") => {
                words.accept("SET");
                let titles = [
                    ("Charset", "VARCHAR(64)"),
                    ("Default collation", "VARCHAR(64)"),
                    ("Description", "VARCHAR(60)"),
                    ("Maxlen", "BIGINT"),
                ];
                filtered(Table { columns: columns(&titles), rows: system_tables::charsets() }, words)
            }
            Some("COLLATION") => {
                let titles = [
                    ("Collation", "VARCHAR(64)"),
                    ("Charset", "VARCHAR(64)"),
                    ("Id", "BIGINT"),
                    ("Default", "VARCHAR(3)"),
                    ("Compiled", "VARCHAR(3)"),
                    ("Sortlen", "BIGINT"),
                ];
                filtered(Table { columns: columns(&titles), rows: system_tables::collations() }, words)
            }
            Some("PLUGINS") => {
                let titles = [
                    ("Name", "VARCHAR(64)"),
                    ("Status", "VARCHAR(10)"),
                    ("Type", "VARCHAR(80)"),
                    ("Library", "VARCHAR(64)"),
                    ("License", "VARCHAR(80)"),
                ];
                Ok(Answer::Rows(Table { columns: columns(&titles), rows: plugins() }))
            }
            _ => Err(words.syntax_error()),
        }
    }

    fn show_count(&self, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let (title, number) = if words.accept("WARNINGS") {
            ("@@session.warning_count", self.view.warnings)
        } else if words.accept("ERRORS") {
            ("@@session.error_count", self.view.errors)
        } else {
            return Err(words.syntax_error());
        };
        words.expect_end()?;
        let value = Datum::UInt(number);
        Ok(Answer::Rows(Table { columns: vec![super::select::column(title, &value)], rows: vec![vec![value]] }))
    }

    fn show_warnings(&self, words: &mut Cursor<'_>, shown: impl Fn(&str) -> bool) -> Result<Answer, SqlError> {
        let limit = if words.accept("LIMIT") { words.number().unwrap_or(u64::MAX) } else { u64::MAX };
        words.expect_end()?;
        let titles = [("Level", "VARCHAR(7)"), ("Code", "INT UNSIGNED"), ("Message", "VARCHAR(512)")];
        let rows = self
            .diagnostics
            .iter()
            .filter(|warning| shown(warning.level))
            .take(usize::try_from(limit).unwrap_or(usize::MAX));
        let rows = rows.map(|warning| {
            vec![
                Datum::Text(warning.level.to_owned()),
                Datum::Int(warning.error.code.into()),
                Datum::Text(warning.error.message.clone()),
            ]
        });
        Ok(Answer::Rows(Table { columns: columns(&titles), rows: rows.collect() }))
    }

    /// Parses `FROM table [FROM database]` or `FROM database.table`.
    pub(super) fn table_name(&self, words: &mut Cursor<'_>) -> Result<(String, String), SqlError> {
        let first = words.name()?;
        if words.accept(".") {
            return Ok((first, words.name()?));
        }
        let database = self.database_named(words)?;
        Ok((database, first))
    }

    pub(super) fn database_named(&self, words: &mut Cursor<'_>) -> Result<String, SqlError> {
        if words.accept("FROM") || words.accept("IN") {
            return words.name();
        }
        self.current_database()
    }

    /// The current database.
    ///
    /// # Errors
    /// 1046 where there is none.
    pub(super) fn current_database(&self) -> Result<String, SqlError> {
        self.view.database.clone().ok_or_else(|| SqlError::new(1046, b"3D000", "No database selected"))
    }

    fn show_tables(&self, full: bool, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let database = self.listed_database(words)?;
        let (title, condition) = pattern_condition("TABLE_NAME", words)?;
        let title = title.map_or_else(String::new, |pattern| format!(" ({pattern})"));
        let kind = if full { ", TABLE_TYPE AS Table_type" } else { "" };
        Ok(statement::engine(format!(
            "SELECT TABLE_NAME AS {}{kind} FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}{condition} ORDER BY TABLE_NAME",
            backquoted(&format!("Tables_in_{database}{title}")),
            text_literal(&database)
        )))
    }

    fn show_columns(&self, full: bool, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        if !(words.accept("FROM") || words.accept("IN")) {
            return Err(words.syntax_error());
        }
        let (database, table) = self.table_name(words)?;
        if let Some(found) = self.unlisted_table(&database, &table)? {
            return filtered(selected(&found.columns, &column_titles(full)), words);
        }
        let (_, condition) = pattern_condition("COLUMN_NAME", words)?;
        self.columns_of(&database, &table, full, &condition)
    }

    fn columns_of(&self, database: &str, table: &str, full: bool, condition: &str) -> Result<Answer, SqlError> {
        self.demand_sight(database, table)?;
        // This fails with the right error if the table does not exist.
        let definition = self.view.server.engine.table_definition(database, table)?;
        Ok(statement::engine(format!(
            "SELECT {} FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}{condition} ORDER BY ORDINAL_POSITION",
            titled(&column_titles(full)),
            text_literal(database),
            text_literal(&definition.name)
        )))
    }

    /// The session's temporary table of that name, or a system table that the server makes. A temporary table belongs to the session, so it
    /// needs no privilege.
    fn unlisted_table(&self, database: &str, table: &str) -> Result<Option<UnlistedTable>, SqlError> {
        if let Some(engine) = &self.engine
            && let Some(found) = engine.temporary_table(database, table)?
        {
            return Ok(Some(found));
        }
        if !is_system_database(database) {
            return Ok(None);
        }
        self.view.demand_on_table(Privilege::SELECT, database, table)?;
        let made = self.view.system_table(&database.to_ascii_lowercase(), &table.to_ascii_lowercase());
        Ok(made.map(|made| unlisted(table, &made)))
    }

    fn show_create(&self, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        if words.accept("DATABASE") || words.accept("SCHEMA") {
            // A dump copies this statement, which must not fail where the database exists.
            let forgiving = if words.accept_all(&["IF", "NOT", "EXISTS"]) { "/*!32312 IF NOT EXISTS*/ " } else { "" };
            let name = words.name()?;
            self.demand_sight_of_database(&name)?;
            if !self.view.server.engine.has_database(&name) {
                return Err(unknown_database(&name));
            }
            let collation = self.view.server.engine.database_collation(&name)?;
            let charset = TextCharset::of_collation(&collation).unwrap_or_default().name();
            let is_told = default_collation(charset).is_ok_and(|own| own == collation);
            let named = if is_told { String::new() } else { format!(" COLLATE {collation}") };
            let text = format!(
                "CREATE DATABASE {forgiving}{} /*!40100 DEFAULT CHARACTER SET {charset}{named} */",
                backquoted(&name)
            );
            let titles = [("Database", "VARCHAR(64)"), ("Create Database", "VARCHAR(1024)")];
            return Ok(Answer::Rows(Table {
                columns: columns(&titles),
                rows: vec![vec![Datum::Text(name), Datum::Text(text)]],
            }));
        }
        if !(words.accept("TABLE") || words.accept("VIEW")) {
            return Err(words.syntax_error());
        }
        let (database, table) = self.table_name(words)?;
        let definition = if let Some(found) = self.unlisted_table(&database, &table)? {
            found.definition
        } else {
            self.view.demand_on_table(Privilege::SELECT, &database, &table)?;
            self.view.server.engine.table_definition(&database, &table)?
        };
        if definition.is_view {
            self.view.demand_on_table(Privilege::SHOW_VIEW, &database, &table)?;
        }
        let kind = if definition.is_view { ("View", "Create View") } else { ("Table", "Create Table") };
        let mut titles = vec![(kind.0, "VARCHAR(64)"), (kind.1, "VARCHAR(1024)")];
        let mut row = vec![Datum::Text(definition.name), Datum::Text(definition.statement)];
        if definition.is_view {
            // A dump restores a view in these, in which the server keeps its text.
            titles.extend([("character_set_client", "VARCHAR(32)"), ("collation_connection", "VARCHAR(64)")]);
            row.extend(["utf8mb4", "utf8mb4_general_ci"].map(|name| Datum::Text(name.to_owned())));
        }
        Ok(Answer::Rows(Table { columns: columns(&titles), rows: vec![row] }))
    }

    fn show_index(&self, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        if !(words.accept("FROM") || words.accept("IN")) {
            return Err(words.syntax_error());
        }
        let (database, table) = self.table_name(words)?;
        if let Some(found) = self.unlisted_table(&database, &table)? {
            return filtered(selected(&found.keys, INDEX_TITLES), words);
        }
        self.demand_sight(&database, &table)?;
        let definition = self.view.server.engine.table_definition(&database, &table)?;
        let (_, condition) = pattern_condition("INDEX_NAME", words)?;
        Ok(statement::engine(format!(
            "SELECT {} FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}{condition}",
            titled(INDEX_TITLES),
            text_literal(&database),
            text_literal(&definition.name)
        )))
    }

    /// Requires any privilege on a table, because a user without one must not learn whether the table exists.
    fn demand_sight(&self, database: &str, table: &str) -> Result<(), SqlError> {
        if self.view.sees(database, table) {
            return Ok(());
        }
        Err(self.view.denied(Privilege::SELECT, database, Some(table)))
    }

    /// Requires any privilege on a database, for the same reason as [`Session::demand_sight`].
    pub(super) fn demand_sight_of_database(&self, database: &str) -> Result<(), SqlError> {
        if self.view.may_use(database) || self.view.may(Privilege::SHOW_DATABASES) {
            return Ok(());
        }
        Err(self.view.denied_database(database))
    }

    /// DESCRIBE table [column].
    pub(super) fn describe(&self, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let (database, table) = self.table_name(words)?;
        let pattern = if words.is_at_end() { None } else { Some(words.name_or_text()?) };
        words.expect_end()?;
        if let Some(found) = self.unlisted_table(&database, &table)? {
            let mut columns = selected(&found.columns, &column_titles(false));
            let pattern = pattern.map(|pattern| Pattern::new(&pattern, Some('\\')));
            let is_asked_for = |name: &Datum| pattern.as_ref().is_none_or(|pattern| pattern.matches(&name.to_text()));
            columns.rows.retain(|row| row.first().is_some_and(is_asked_for));
            return Ok(Answer::Rows(columns));
        }
        let condition =
            pattern.map_or_else(String::new, |pattern| format!(" AND COLUMN_NAME LIKE {}", text_literal(&pattern)));
        self.columns_of(&database, &table, false, &condition)
    }
}

/// The columns of SHOW COLUMNS: columns of `information_schema.COLUMNS`, and their titles.
fn column_titles(full: bool) -> Vec<(&'static str, &'static str)> {
    let mut titles = vec![("COLUMN_NAME", "Field"), ("COLUMN_TYPE", "Type")];
    titles.extend(full.then_some(("COLLATION_NAME", "Collation")));
    titles.extend([("IS_NULLABLE", "Null"), ("COLUMN_KEY", "Key"), ("COLUMN_DEFAULT", "Default"), ("EXTRA", "Extra")]);
    titles.extend(full.then_some([("PRIVILEGES", "Privileges"), ("COLUMN_COMMENT", "Comment")]).into_iter().flatten());
    titles
}

/// The columns of SHOW INDEX: columns of `information_schema.STATISTICS`, and their titles.
const INDEX_TITLES: &[(&str, &str)] = &[
    ("TABLE_NAME", "Table"),
    ("NON_UNIQUE", "Non_unique"),
    ("INDEX_NAME", "Key_name"),
    ("SEQ_IN_INDEX", "Seq_in_index"),
    ("COLUMN_NAME", "Column_name"),
    ("INDEX_TYPE", "Index_type"),
];

/// A system table that the server makes, with the data that SHOW and DESCRIBE need.
fn unlisted(name: &str, made: &SystemTable) -> UnlistedTable {
    let kinds: Vec<(&str, String)> = made.columns.iter().map(|(name, kind)| (*name, kind.to_lowercase())).collect();
    let lines: Vec<String> =
        kinds.iter().map(|(name, kind)| format!("  {} {kind} DEFAULT NULL", backquoted(name))).collect();
    let statement =
        format!("CREATE TABLE {} (\n{}\n) ENGINE=SQLite DEFAULT CHARSET=utf8mb4", backquoted(name), lines.join(",\n"));
    let row = |name: &str, kind: &str| {
        let texts = [name, kind, "YES", "", "", "select", ""];
        texts.map(|text| Datum::Text(text.to_owned())).into_iter().chain([Datum::Null, Datum::Null]).collect()
    };
    UnlistedTable {
        definition: TableDefinition { name: name.to_owned(), statement, is_view: false },
        columns: SystemTable {
            columns: [
                "COLUMN_NAME",
                "COLUMN_TYPE",
                "IS_NULLABLE",
                "COLUMN_KEY",
                "EXTRA",
                "PRIVILEGES",
                "COLUMN_COMMENT",
                "COLUMN_DEFAULT",
                "COLLATION_NAME",
            ]
            .map(|name| (name, "TEXT"))
            .to_vec(),
            rows: kinds.iter().map(|(name, kind)| row(name, kind)).collect(),
        },
        keys: SystemTable {
            columns: INDEX_TITLES.iter().map(|(name, _)| (*name, "VARCHAR(64)")).collect(),
            rows: Vec::new(),
        },
    }
}

/// A list of columns with their titles, for a SELECT.
fn titled(titles: &[(&str, &str)]) -> String {
    let one = |(column, title): &(&str, &str)| format!("{column} AS {}", backquoted(title));
    titles.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The columns of a table with their titles, as rows.
fn selected(table: &SystemTable, titles: &[(&str, &str)]) -> Table {
    let place = |column: &str| table.columns.iter().position(|(name, _)| *name == column);
    let chosen: Vec<(usize, &str)> =
        titles.iter().filter_map(|(column, title)| Some((place(column)?, *title))).collect();
    let kind = |place: usize| table.columns.get(place).map_or("TEXT", |(_, kind)| kind);
    let value = |row: &[Datum], place: usize| row.get(place).cloned().unwrap_or(Datum::Null);
    Table {
        columns: chosen.iter().map(|(place, title)| declared_column(title, kind(*place))).collect(),
        rows: table.rows.iter().map(|row| chosen.iter().map(|(place, _)| value(row, *place)).collect()).collect(),
    }
}

fn plugins() -> Vec<Vec<Datum>> {
    [
        "mysql_native_password",
        "caching_sha2_password",
        "sha256_password",
        "mysql_clear_password",
        "client_ed25519",
        "auth_socket",
    ]
    .map(|name| {
        vec![
            Datum::Text(name.into()),
            Datum::Text("ACTIVE".into()),
            Datum::Text("AUTHENTICATION".into()),
            Datum::Null,
            Datum::Text("MIT".into()),
        ]
    })
    .into()
}

pub(super) fn columns(titles: &[(&str, &str)]) -> Vec<ColumnDefinition> {
    titles.iter().map(|(title, kind)| declared_column(title, kind)).collect()
}

/// Answers SHOW STATUS and SHOW VARIABLES.
fn pairs(table: &str, pairs: Vec<(&'static str, String)>, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
    let column = |title: &str, origin: &str, length: u32| {
        let mut column = ColumnDefinition::new(title, ColumnType::VAR_STRING);
        column.schema = b"information_schema".to_vec();
        column.table = table.into();
        column.org_table = table.into();
        column.org_name = origin.into();
        column.length = length * 4;
        column.decimals = 0;
        column.flags |= ColumnFlags::NOT_NULL;
        column
    };
    let columns = vec![column("Variable_name", "VARIABLE_NAME", 64), column("Value", "VARIABLE_VALUE", 2048)];
    let rows = pairs.into_iter().map(|(name, value)| vec![Datum::Text(name.to_owned()), Datum::Text(value)]).collect();
    filtered(Table { columns, rows }, words)
}

/// A row for evaluating a WHERE clause that names its columns.
struct Row<'a> {
    columns: &'a [ColumnDefinition],
    values: &'a [Datum],
}

impl Names for Row<'_> {
    fn name(&self, name: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
        let at = self.columns.iter().position(|column| column.name_text().eq_ignore_ascii_case(name));
        let value = at.and_then(|at| self.values.get(at));
        value
            .map(|value| Some(Cow::Borrowed(value)))
            .ok_or_else(|| SqlError::new(1054, b"42S22", format!("Unknown column '{name}' in 'where clause'")))
    }

    fn function(&self, _: &str) -> Option<Datum> {
        None
    }
}

/// Applies LIKE (to the first column) or WHERE.
pub(super) fn filtered(mut table: Table, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
    if words.accept("LIKE") {
        let pattern = words.name_or_text()?;
        words.expect_end()?;
        let pattern = Pattern::new(&pattern, Some('\\'));
        table.rows.retain(|row| row.first().is_some_and(|name| pattern.matches(&name.to_text())));
    } else if words.accept("WHERE") {
        let text = words.rest();
        let condition = parse_expression(text)?;
        let (budget, mut rows) = (Budget::for_rows(), Vec::new());
        for values in table.rows {
            let value = evaluate(&condition, &Row { columns: &table.columns, values: &values }, &budget)?;
            let value = value.ok_or_else(|| {
                let message = if budget.is_exhausted() {
                    "SHOW … WHERE takes too long with this condition; compare with fewer and shorter values".to_owned()
                } else {
                    format!("This version of Sealwire doesn't yet support 'SHOW … WHERE {text}'")
                };
                SqlError::new(1235, b"42000", message)
            })?;
            if is_true(&value) {
                rows.push(values);
            }
        }
        table.rows = rows;
    } else {
        words.expect_end()?;
    }
    Ok(Answer::Rows(table))
}

/// Parses LIKE or WHERE into a further condition of a SELECT; returns LIKE's pattern too.
pub(super) fn pattern_condition(column: &str, words: &mut Cursor<'_>) -> Result<(Option<String>, String), SqlError> {
    if words.accept("LIKE") {
        let pattern = words.name_or_text()?;
        words.expect_end()?;
        let condition = format!(" AND {column} LIKE {}", text_literal(&pattern));
        return Ok((Some(pattern), condition));
    }
    if words.accept("WHERE") {
        let condition = words.rest();
        // The text must be a single expression, so that it can't add more than a condition to the SELECT.
        parse_expression(condition)?;
        return Ok((None, format!(" AND ({condition})")));
    }
    words.expect_end()?;
    Ok((None, String::new()))
}
