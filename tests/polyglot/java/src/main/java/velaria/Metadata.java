package velaria;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.util.List;

/** What DatabaseMetaData tells. */
final class Metadata {
  private Metadata() {}

  static Object product(Connection connection) throws SQLException {
    DatabaseMetaData told = connection.getMetaData();
    return List.of(
        told.getDatabaseProductName(),
        told.getIdentifierQuoteString(),
        told.supportsTransactions(),
        told.supportsBatchUpdates(),
        told.supportsUnion(),
        told.supportsFullOuterJoins(),
        told.isReadOnly(),
        told.getSQLKeywords().contains("QUALIFY"),
        told.getDefaultTransactionIsolation());
  }

  static Object catalogs(Connection connection) throws SQLException {
    return Rows.of(connection.getMetaData().getCatalogs());
  }

  static Object schemas(Connection connection) throws SQLException {
    return Rows.of(connection.getMetaData().getSchemas(null, "main"));
  }

  static Object tables(Connection connection) throws SQLException {
    makeTable(connection);
    return Rows.of(
        connection.getMetaData().getTables(null, "main", "java_listed", null),
        "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE");
  }

  static Object columns(Connection connection) throws SQLException {
    makeTable(connection);
    return Rows.of(
        connection.getMetaData().getColumns(null, "main", "java_listed", "%"),
        "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "ORDINAL_POSITION", "NULLABLE");
  }

  static Object tableTypes(Connection connection) throws SQLException {
    return Rows.of(connection.getMetaData().getTableTypes());
  }

  static Object primaryKeys(Connection connection) throws SQLException {
    makeTable(connection);
    return Rows.of(
        connection.getMetaData().getPrimaryKeys(null, "main", "java_listed"),
        "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ");
  }

  private static void makeTable(Connection connection) throws SQLException {
    Rows.update(
        connection,
        "CREATE OR REPLACE TABLE java_listed"
            + "(k BIGINT PRIMARY KEY, name VARCHAR, price DECIMAL(10, 2))");
  }
}
