require 'pg'

connection = PG.connect(ENV['DATABASE_URL'])
connection.exec('CREATE TABLE by_ruby_pg (id int)')
connection.exec('INSERT INTO by_ruby_pg VALUES (1)')
puts connection.exec('SELECT count(*) = 1 AS made FROM by_ruby_pg').getvalue(0, 0)
