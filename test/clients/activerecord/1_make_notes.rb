class MakeNotes < ActiveRecord::Migration[6.1]
  def change
    create_table(:by_activerecord) { |table| table.string :text }
  end
end
