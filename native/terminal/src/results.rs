//! Prints the rows of one result in the requested format.

use std::borrow::Cow;

use super::behavior::Behavior;
use super::failure::Failure;
use super::format;
use super::markup::Markup;
use super::output::Output;
use super::rows::{Column, Rows};
use sealwire::{ClientError, QueryResult, Socket};

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Tabbed,
    Markup(Markup),
    Table,
    Vertical,
}

impl Form {
    fn of(behavior: &Behavior, vertical: bool) -> Self {
        match behavior.markup {
            Some(markup) => Self::Markup(markup),
            None if vertical => Self::Vertical,
            None if behavior.silent > 0 && behavior.verbose <= 2 && !behavior.table => Self::Tabbed,
            None => Self::Table,
        }
    }
}

/// Prints one result. Returns the beginning of the status line: `2 rows in set` or `Empty set`; `None` for a statement without rows.
pub(crate) fn print(
    result: &mut QueryResult<'_, Socket>,
    output: &mut Output,
    behavior: &Behavior,
    sql: &[u8],
    vertical: bool,
) -> Result<Option<String>, Failure> {
    let columns: Vec<Column> = result.columns().iter().map(Column::from).collect();
    if columns.is_empty() {
        return Ok(None);
    }
    let style = behavior.style;
    let form = Form::of(behavior, vertical);
    let mut rows = Rows::new(columns.len());
    let mut table = None;
    let mut count = 0;
    while let Some(row) = result.next()? {
        let mut malformed = None;
        let values = row.iter().map_while(|value| value.map_err(|error| malformed = Some(error)).ok());
        match form {
            // These formats need no column widths, so they print each row as it arrives.
            Form::Tabbed => {
                if count == 0 && style.column_names && behavior.silent < 2 {
                    format::tabbed_header(output, &columns)?;
                }
                format::tabbed_row(output, &columns, values, style)?;
            }
            Form::Markup(markup) => {
                if count == 0 {
                    markup.begin(output, &columns, style.column_names, sql)?;
                }
                let values: Vec<Option<Vec<u8>>> = values
                    .zip(&columns)
                    .map(|(value, column)| value.map(|value| format::shown(value, column, style).into_owned()))
                    .collect();
                markup.row(output, &columns, values.iter().map(Option::as_deref))?;
            }
            Form::Table | Form::Vertical => {
                for (value, column) in values.zip(&columns) {
                    // A value printed as hex has no control characters, so it must not be escaped as well.
                    let is_hex = style.binary_as_hex && column.is_binary;
                    let shown = value.map(|value| if is_hex { Cow::Borrowed(value) } else { output.shown(value) });
                    rows.push(shown.as_deref());
                }
                if behavior.quick {
                    match form {
                        Form::Vertical => format::vertical(output, &columns, &rows, style, count + 1)?,
                        _ => table.get_or_insert_with(|| format::Table::declared(&columns, style)).rows(
                            output,
                            &columns,
                            &rows,
                            style,
                            count == 0,
                        )?,
                    }
                    rows.clear();
                }
            }
        }
        if let Some(error) = malformed {
            return Err(ClientError::Connection(error.into()).into());
        }
        count += 1;
    }
    if count == 0 {
        // As in mysql: `--quick` has printed the header before it knows that there are no rows, and XML output is a document even without
        // rows.
        match form {
            Form::Markup(markup) if behavior.quick || markup == Markup::Xml => {
                markup.begin(output, &columns, style.column_names, sql)?;
                markup.end(output)?;
            }
            Form::Tabbed if behavior.quick && style.column_names && behavior.silent < 2 => {
                format::tabbed_header(output, &columns)?;
            }
            Form::Table if behavior.quick => {
                let table = format::Table::declared(&columns, style);
                table.rows(output, &columns, &rows, style, true)?;
                table.end(output)?;
            }
            _ if !behavior.quick => return Ok(Some("Empty set".to_owned())),
            _ => {}
        }
        return Ok(Some("0 rows in set".to_owned()));
    }
    match form {
        Form::Markup(markup) => markup.end(output)?,
        Form::Tabbed => {}
        Form::Vertical if behavior.quick => {}
        Form::Vertical => format::vertical(output, &columns, &rows, style, 1)?,
        Form::Table => match table {
            Some(table) => table.end(output)?,
            None => {
                let table = format::Table::measured(&columns, &rows, style);
                if behavior.auto_vertical && output.width().is_some_and(|width| table.width() > width) {
                    format::vertical(output, &columns, &rows, style, 1)?;
                } else {
                    table.rows(output, &columns, &rows, style, true)?;
                    table.end(output)?;
                }
            }
        },
    }
    Ok(Some(format!("{} in set", format::row_count(count))))
}
