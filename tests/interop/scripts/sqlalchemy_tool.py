"""SQLAlchemy on PyMySQL: makes tables, fills them, and reads them back from what the server says of them."""

from job import run, ssl_context
from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    URL,
    create_engine,
    inspect,
    select,
    text,
)


def tool(job):
    url = URL.create("mysql+pymysql", job["user"], job["password"], job["host"], job["port"], job["database"])
    engine = create_engine(url, connect_args={"ssl": ssl_context({"ca": job["ca"]})})
    made = MetaData()
    author = Table("author", made, Column("id", Integer, primary_key=True), Column("about", Text))
    book = Table(
        "book",
        made,
        Column("id", Integer, primary_key=True),
        Column("name", String(40), nullable=False, index=True),
        Column("price", Numeric(8, 2)),
        Column("at", DateTime),
        Column("author", ForeignKey("author.id")),
    )
    made.drop_all(engine)
    made.create_all(engine)
    with engine.begin() as connection:
        status = dict(tuple(row) for row in connection.execute(text("SHOW STATUS LIKE 'Ssl\\_%'")))
        connection.execute(author.insert(), [{"id": 1, "about": "süß"}, {"id": 2, "about": None}])
        written = [{"name": "one", "price": "1.25", "author": 1}, {"name": "two", "price": None, "author": 2}]
        connection.execute(book.insert(), written)
        joined = select(book.c.name, book.c.price, author.c.about).join(author).order_by(book.c.id.desc())
        rows = [[row[0], None if row[1] is None else str(row[1]), row[2]] for row in connection.execute(joined)]
        count = connection.scalar(text("SELECT COUNT(*) FROM book"))
    inspector = inspect(engine)
    tables = sorted(inspector.get_table_names())
    found = MetaData()
    found.reflect(engine)
    columns = {column.name: str(column.type) for column in found.tables["book"].columns}
    facts = {
        "ssl_cipher": status["Ssl_cipher"],
        "ssl_version": status["Ssl_version"],
        "tables": tables,
        "rows": rows,
        "count": count,
        "extra": {
            # A generated key is wider here and there.
            "columns": {name: kind for name, kind in columns.items() if name != "id"},
            "key": inspector.get_pk_constraint("book")["constrained_columns"],
            "indexes": [index["column_names"] for index in inspector.get_indexes("book") if index["name"] == "ix_book_name"],
            "nullable": {column["name"]: column["nullable"] for column in inspector.get_columns("book")},
        },
    }
    made.drop_all(engine)
    facts["extra"]["left"] = inspect(engine).get_table_names()
    return facts


run(tool)
