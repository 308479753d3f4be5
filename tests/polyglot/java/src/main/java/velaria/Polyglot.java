package velaria;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * Asks a Flight SQL server what a Java program asks of it, through Arrow's JDBC driver, unchanged.
 *
 * <p>Usage: Polyglot JDBC_URL CHECKS [PROPERTY=VALUE...]. CHECKS is `all`, or names with commas
 * between; the properties are the driver's. Each check prints one line of JSON: its name and what
 * it found, or the error that ended it. What should be found stands in ../test_java.py.
 */
public final class Polyglot {
  /** Each check has a connection of its own. */
  interface Check {
    Object run(Connection connection) throws SQLException;
  }

  private Polyglot() {}

  public static void main(String[] arguments) {
    Map<String, Check> checks = new LinkedHashMap<>();
    checks.put("query", Statements::query);
    checks.put("large", Statements::large);
    checks.put("types", Statements::types);
    checks.put("result_metadata", Statements::resultMetadata);
    checks.put("prepared", Statements::prepared);
    checks.put("prepared_metadata", Statements::preparedMetadata);
    checks.put("prepared_types", Statements::preparedTypes);
    checks.put("prepared_timestamp", Statements::preparedTimestamp);
    checks.put("prepared_null", Statements::preparedNull);
    checks.put("batch", Statements::batch);
    checks.put("update", Statements::update);
    checks.put("error", Statements::wrongStatement);
    checks.put("error_late", Statements::wrongValue);
    checks.put("commit", Statements::commit);
    checks.put("rollback", Statements::rollback);
    checks.put("product", Metadata::product);
    checks.put("catalogs", Metadata::catalogs);
    checks.put("schemas", Metadata::schemas);
    checks.put("tables", Metadata::tables);
    checks.put("columns", Metadata::columns);
    checks.put("table_types", Metadata::tableTypes);
    checks.put("primary_keys", Metadata::primaryKeys);
    List<String> wanted = List.of(arguments[1].split(","));
    Properties properties = new Properties();
    for (String argument : List.of(arguments).subList(2, arguments.length)) {
      String[] property = argument.split("=", 2);
      properties.setProperty(property[0], property[1]);
    }
    checks.forEach(
        (name, check) -> {
          if (wanted.contains(name) || wanted.contains("all")) {
            System.out.println(line(arguments[0], properties, name, check));
          }
        });
  }

  private static String line(String url, Properties properties, String name, Check check) {
    Map<String, Object> told = new LinkedHashMap<>();
    told.put("check", name);
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      told.put("found", check.run(connection));
    } catch (SQLException | RuntimeException error) {
      told.put("fault", Map.of("kind", error.getClass().getName(), "text", "" + error.getMessage()));
    }
    return Json.text(told);
  }
}
