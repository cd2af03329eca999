import java.net.URI;
import java.sql.DriverManager;

class Jdbc {
    public static void main(String[] arguments) throws Exception {
        URI dsn = URI.create(System.getenv("DATABASE_URL"));
        String[] login = dsn.getUserInfo().split(":", 2);
        String url = "jdbc:postgresql://" + dsn.getHost() + ":" + dsn.getPort() + dsn.getPath() + "?" + dsn.getRawQuery();
        try (var connection = DriverManager.getConnection(url, login[0], login[1]); var statement = connection.createStatement()) {
            statement.execute("CREATE TABLE by_jdbc (id int)");
            statement.execute("INSERT INTO by_jdbc VALUES (1)");
            var rows = statement.executeQuery("SELECT count(*) = 1 AS made FROM by_jdbc");
            rows.next();
            System.out.println(rows.getBoolean("made"));
        }
    }
}
