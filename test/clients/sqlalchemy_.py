import os
from sqlalchemy import create_engine, text

with create_engine(os.environ["DATABASE_URL"]).begin() as connection:
    connection.execute(text("CREATE TABLE by_sqlalchemy (id int)"))
    connection.execute(text("INSERT INTO by_sqlalchemy VALUES (1)"))
    print(connection.execute(text("SELECT count(*) = 1 AS made FROM by_sqlalchemy")).scalar())
