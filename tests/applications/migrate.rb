# Rails' migrations, which hold GET_LOCK while they run: two of them at once, of which the second must hear that the first
# is at work; what they made is shown.
#
# migrate.rb HOST PORT USER PASSWORD SCHEMA
require "active_record"
require "stringio"

host, port, user, password, schema = ARGV
ActiveRecord::Base.establish_connection(adapter: "mysql2", host: host, port: port.to_i, username: user, password: password,
                                        database: schema, encoding: "utf8mb4", pool: 5)
ActiveRecord::Migration.verbose = false

BEGUN = Queue.new
GO_ON = Queue.new

class CreateShelves < ActiveRecord::Migration[6.1]
  def change
    create_table :shelves do |table|
      table.string :name, null: false
      table.timestamps precision: nil, null: true
    end
    add_index :shelves, :name, unique: true
    BEGUN << true
    GO_ON.pop
  end
end

class CreateBooks < ActiveRecord::Migration[6.1]
  def change
    create_table :books do |table|
      table.references :shelf, foreign_key: true
      table.string :title
      table.decimal :price, precision: 8, scale: 2, default: 0
    end
    reversible { |way| way.up { execute "INSERT INTO shelves (name) VALUES ('first')" } }
  end
end

class Shelf < ActiveRecord::Base
  has_many :books
end

class Book < ActiveRecord::Base
  belongs_to :shelf
end

def migrator
  migrations = [CreateShelves.new("CreateShelves", 1), CreateBooks.new("CreateBooks", 2)]
  ActiveRecord::Migrator.new(:up, migrations, ActiveRecord::SchemaMigration)
end

ActiveRecord::SchemaMigration.create_table
ActiveRecord::InternalMetadata.create_table
first = Thread.new { migrator.migrate }
BEGUN.pop
begin
  Thread.new { Thread.current.report_on_exception = false; migrator.migrate }.join
  puts "two at once"
rescue ActiveRecord::ConcurrentMigrationError => error
  puts "the second: #{error.class}"
end
GO_ON << true
first.join
# The other thread's connection is a session of its own, whose writes a replica may not have yet. It has them once it has
# what this session writes behind them.
ActiveRecord::InternalMetadata[:joined] = "yes"
puts "migrated: #{ActiveRecord::SchemaMigration.all_versions.inspect}"
puts "tables: #{ActiveRecord::Base.connection.tables.sort.inspect}"
puts "once more: #{migrator.migrate.inspect}"
free = "SELECT IS_FREE_LOCK(CONCAT('#{schema}', 'x')), COUNT(*) FROM shelves"
puts "lock and rows: #{ActiveRecord::Base.connection.select_rows(free).inspect}"

Shelf.transaction do
  shelf = Shelf.find_by!(name: "first")
  3.times { |i| shelf.books.create!(title: "book \u{1f4d6} #{i}", price: i + 0.25) }
end
begin
  Shelf.transaction do
    Shelf.create!(name: "gone")
    Shelf.create!(name: "first")
  end
rescue ActiveRecord::RecordNotUnique => error
  puts "not unique: #{error.class}"
end
puts "books: #{Book.order(:id).pluck(:title, :price).map { |title, price| [title, price.to_s] }.inspect}"
puts "shelves: #{Shelf.left_joins(:books).group(:name).count("books.id").inspect}"
Shelf.find_by!(name: "first").with_lock { |_| Book.update_all("price = price + 1") }
puts "sum: #{Book.sum(:price)}"
puts "batches: #{Book.in_batches(of: 2).map { |batch| batch.pluck(:id).size }.inspect}"
