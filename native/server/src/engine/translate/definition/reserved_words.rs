//! Words that MariaDB reserves, and that the parser of this server takes for names without quotes. The log has a definition's text, so
//! MariaDB's replicas would refuse such a name (1064).

use std::ops::ControlFlow;

use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;
use sqlparser::ast::{
    AlterTableOperation, ColumnDef, CreateTable, Expr, Ident, ObjectName, RenameTableNameKind, SelectItem, SetExpr,
    Statement, TableConstraint, visit_expressions, visit_relations,
};

use super::super::source::Source;
use super::super::writer::{WriteResult, Writer};

/// Found by trying each word of MariaDB 10.11's information_schema.KEYWORDS as the name of a column, a table, a key, a constraint and an
/// alias.
const RESERVED: &str = "\
ACCESSIBLE ADD ALL ALTER ANALYZE AND AS ASC ASENSITIVE BEFORE BETWEEN BIGINT BINARY BLOB BOTH BY CALL CASCADE CASE CHANGE CHAR \
CHARACTER CHECK COLLATE COLUMN CONDITION CONSTRAINT CONTINUE CONVERT CREATE CROSS CURRENT_DATE CURRENT_ROLE CURRENT_TIME \
CURRENT_TIMESTAMP CURRENT_USER CURSOR DATABASES DAY_HOUR DAY_MICROSECOND DAY_MINUTE DAY_SECOND DEC DECIMAL DECLARE DEFAULT DELAYED \
DELETE DELETE_DOMAIN_ID DESC DESCRIBE DETERMINISTIC DISTINCT DISTINCTROW DIV DOUBLE DO_DOMAIN_IDS DROP DUAL EACH ELSE ELSEIF \
ENCLOSED ESCAPED EXCEPT EXISTS EXIT EXPLAIN FALSE FETCH FLOAT FLOAT4 FLOAT8 FOR FORCE FOREIGN FROM FULLTEXT GRANT GROUP HAVING \
HIGH_PRIORITY HOUR_MICROSECOND HOUR_MINUTE HOUR_SECOND IF IGNORE IGNORE_DOMAIN_IDS IN INDEX INFILE INNER INOUT INSENSITIVE INSERT \
INT INT1 INT2 INT3 INT4 INT8 INTEGER INTERSECT INTERVAL INTO IS ITERATE JOIN KEY KEYS KILL LEADING LEAVE LEFT LIKE LIMIT LINEAR \
LINES LOAD LOCALTIME LOCALTIMESTAMP LOCK LONG LONGBLOB LONGTEXT LOOP LOW_PRIORITY MASTER_DEMOTE_TO_REPLICA MASTER_DEMOTE_TO_SLAVE \
MASTER_SSL_VERIFY_SERVER_CERT MATCH MAXVALUE MEDIUMBLOB MEDIUMINT MEDIUMTEXT MIDDLEINT MINUTE_MICROSECOND MINUTE_SECOND MOD \
MODIFIES NATURAL NOT NO_WRITE_TO_BINLOG NULL NUMERIC OFFSET ON OPTIMIZE OPTIONALLY OR ORDER OUT OUTER OUTFILE OVER PAGE_CHECKSUM \
PARSE_VCOL_EXPR PARTITION PORTION PRECISION PRIMARY PROCEDURE PURGE RANGE READ READS READ_WRITE REAL RECURSIVE REFERENCES \
REF_SYSTEM_ID REGEXP RELEASE RENAME REPEAT REPLACE REQUIRE RESIGNAL RESTRICT RETURN RETURNING REVOKE RIGHT RLIKE ROWS ROW_NUMBER \
SCHEMAS SECOND_MICROSECOND SELECT SENSITIVE SEPARATOR SET SHOW SIGNAL SMALLINT SPATIAL SPECIFIC SQL SQLEXCEPTION SQLSTATE \
SQLWARNING SQL_BIG_RESULT SQL_CALC_FOUND_ROWS SQL_SMALL_RESULT SSL STARTING STATS_AUTO_RECALC STATS_PERSISTENT STATS_SAMPLE_PAGES \
STRAIGHT_JOIN TABLE TERMINATED THEN TINYBLOB TINYINT TINYTEXT TO TRAILING TRIGGER TRUE UNDO UNION UNIQUE UNLOCK UNSIGNED UPDATE \
USAGE USE USING UTC_DATE UTC_TIME UTC_TIMESTAMP VALUES VARBINARY VARCHAR VARCHARACTER VARYING WHEN WHERE WHILE WITH WRITE XOR \
YEAR_MONTH ZEROFILL";

/// Those of them that stand for a value, as `binary` does behind CHARACTER SET.
const STANDING_FOR_VALUES: &str = "BINARY CURRENT_DATE CURRENT_ROLE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEFAULT FALSE LOCALTIME LOCALTIMESTAMP NULL TRUE UTC_DATE \
UTC_TIME UTC_TIMESTAMP";

/// The functions that MariaDB finds by the parenthesis directly behind their names.
const FUNCTIONS: &str = "\
BIT_AND BIT_OR BIT_XOR CAST COUNT CUME_DIST CURDATE CURTIME DATE_ADD DATE_SUB DENSE_RANK EXTRACT FIRST_VALUE GROUP_CONCAT \
JSON_ARRAYAGG JSON_OBJECTAGG LAG LEAD MAX MEDIAN MID MIN NOW NTH_VALUE NTILE PERCENTILE_CONT PERCENTILE_DISC PERCENT_RANK POSITION \
RANK STD STDDEV STDDEV_POP STDDEV_SAMP SUBSTR SUBSTRING SUM TRIM VARIANCE VAR_POP VAR_SAMP";

fn has(words: &str, name: &str) -> bool {
    words.split(' ').any(|word| word.eq_ignore_ascii_case(name))
}

fn refusal(name: &Ident) -> SqlError {
    SqlError::syntax(format!(
        "MariaDB's replicas reserve the word '{0}', so it needs quotes as a name: `{0}`",
        name.value
    ))
}

/// Refuses reserved words as the names in a client's definition that MariaDB's replicas get.
///
/// # Errors
/// 1064.
pub(super) fn check(statement: &Statement, source: &Source<'_>, writer: &Writer<'_>) -> WriteResult {
    if writer.scope.log != Some(Flavour::MariaDb) || writer.scope.is_replicated {
        return Ok(());
    }
    let is_bad = |name: &Ident| name.quote_style.is_none() && has(RESERVED, &name.value);
    let is_call = |name: &Ident| {
        name.quote_style.is_none() && has(FUNCTIONS, &name.value) && source.has_parenthesis_behind(&name.value)
    };
    let demand =
        |name: &Ident| if is_bad(name) { ControlFlow::Break(refusal(name)) } else { ControlFlow::Continue(()) };
    let relations = visit_relations(statement, |name: &ObjectName| {
        name.0.iter().filter_map(|part| part.as_ident()).try_for_each(demand)
    });
    let expressions = visit_expressions(statement, |part: &Expr| match part {
        Expr::Identifier(name) if has(STANDING_FOR_VALUES, &name.value) || name.value.starts_with('@') => {
            ControlFlow::Continue(())
        }
        Expr::Identifier(name) => demand(name),
        Expr::CompoundIdentifier(names) => names.iter().try_for_each(demand),
        _ => ControlFlow::Continue(()),
    });
    for found in [relations, expressions] {
        if let ControlFlow::Break(error) = found {
            return Err(error);
        }
    }
    let names = Names::of(statement);
    let bad = names
        .all()
        .find(|name| is_bad(name))
        .or_else(|| names.before_parentheses.iter().copied().find(|name| is_call(name)));
    bad.map_or(Ok(()), |name| Err(refusal(name)))
}

/// The names that a definition gives.
#[derive(Default)]
struct Names<'s> {
    /// Those of tables and keys, behind which a parenthesis follows.
    before_parentheses: Vec<&'s Ident>,
    others: Vec<&'s Ident>,
}

impl<'s> Names<'s> {
    fn of(statement: &'s Statement) -> Self {
        let mut names = Self::default();
        match statement {
            Statement::CreateTable(create) => names.add_table(create),
            Statement::CreateIndex(create) => names.others.extend(create.name.iter().flat_map(idents)),
            Statement::CreateView(create) => {
                names.before_parentheses.extend(idents(&create.name));
                names.others.extend(create.columns.iter().map(|column| &column.name));
                names.add_aliases(&create.query.body);
            }
            Statement::AlterTable(alter) => {
                alter.operations.iter().for_each(|operation| names.add_operation(operation))
            }
            Statement::Drop { names: dropped, .. } => names.others.extend(dropped.iter().flat_map(idents)),
            _ => {}
        }
        names
    }

    fn all(&self) -> impl Iterator<Item = &'s Ident> {
        self.before_parentheses.iter().chain(&self.others).copied()
    }

    fn add_table(&mut self, create: &'s CreateTable) {
        self.before_parentheses.extend(idents(&create.name));
        create.columns.iter().for_each(|column| self.add_column(column));
        create.constraints.iter().for_each(|constraint| self.add_constraint(constraint));
    }

    fn add_column(&mut self, column: &'s ColumnDef) {
        self.others.push(&column.name);
        self.others.extend(column.options.iter().filter_map(|option| option.name.as_ref()));
    }

    fn add_constraint(&mut self, constraint: &'s TableConstraint) {
        match constraint {
            TableConstraint::Unique(key) => {
                self.others.extend(&key.name);
                self.before_parentheses.extend(&key.index_name);
            }
            TableConstraint::PrimaryKey(key) => self.others.extend(key.name.iter().chain(&key.index_name)),
            TableConstraint::Index(key) => self.before_parentheses.extend(&key.name),
            TableConstraint::ForeignKey(key) => {
                self.others.extend(key.name.iter().chain(&key.columns).chain(&key.referred_columns));
                self.before_parentheses.extend(key.index_name.iter().chain(idents(&key.foreign_table)));
            }
            TableConstraint::Check(check) => self.others.extend(&check.name),
            TableConstraint::FulltextOrSpatial(key) => self.before_parentheses.extend(&key.opt_index_name),
            _ => {}
        }
    }

    fn add_operation(&mut self, operation: &'s AlterTableOperation) {
        match operation {
            AlterTableOperation::AddColumn { column_def, .. } => self.add_column(column_def),
            AlterTableOperation::AddConstraint { constraint, .. } => self.add_constraint(constraint),
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                self.others.extend([old_column_name, new_column_name]);
            }
            AlterTableOperation::DropColumn { column_names, .. } => self.others.extend(column_names),
            AlterTableOperation::DropIndex { name } => self.others.push(name),
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
            } => self.others.extend(idents(name)),
            _ => {}
        }
    }

    fn add_aliases(&mut self, query: &'s SetExpr) {
        match query {
            SetExpr::Select(select) => {
                let alias = |item: &'s SelectItem| match item {
                    SelectItem::ExprWithAlias { alias, .. } => Some(alias),
                    _ => None,
                };
                self.others.extend(select.projection.iter().filter_map(alias));
            }
            SetExpr::Query(query) => self.add_aliases(&query.body),
            SetExpr::SetOperation { left, right, .. } => {
                self.add_aliases(left);
                self.add_aliases(right);
            }
            _ => {}
        }
    }
}

fn idents(name: &ObjectName) -> impl Iterator<Item = &Ident> {
    name.0.iter().filter_map(|part| part.as_ident())
}
