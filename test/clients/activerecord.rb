require 'active_record'

ActiveRecord::Base.establish_connection(ENV['DATABASE_URL'])
ActiveRecord::Migration.verbose = false
ActiveRecord::Migrator.migrations_paths = ["#{__dir__}/activerecord"]
ActiveRecord::Base.connection.migration_context.migrate

class Note < ActiveRecord::Base
  self.table_name = 'by_activerecord'
end
Note.create!(text: 'one')
puts Note.count == 1
