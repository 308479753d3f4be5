package main

import (
	"context"
	"database/sql"
	"strings"

	"github.com/apache/arrow-adbc/go/adbc"
	_ "github.com/apache/arrow-adbc/go/adbc/sqldriver/flightsql"
)

const largeRowCount = 200_000

func query(ctx context.Context, c connection) (any, error) {
	return c.rows(ctx, "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v(x, y) ORDER BY x DESC")
}

func large(ctx context.Context, c connection) (any, error) {
	rows, err := c.rows(ctx, "SELECT n, repeat('x', 100) FROM range(200000) r(n)")
	var sum int64
	for _, row := range rows {
		sum += row[0].(int64)
	}
	return map[string]any{"rows": len(rows), "sum": sum}, err
}

func types(ctx context.Context, c connection) (any, error) {
	return c.rows(ctx, `SELECT TRUE, CAST(7 AS SMALLINT), 0.5e0, CAST('12.30' AS DECIMAL(10, 2)),
		DATE '2013-06-01', TIMESTAMP '2013-06-01 01:02:03', [1, NULL, 3], 'héé'`)
}

func prepared(ctx context.Context, c connection) (any, error) {
	found := [][]any{}
	err := c.statement("SELECT ? * 2, ?", func(statement adbc.Statement) error {
		if err := statement.Prepare(ctx); err != nil {
			return err
		}
		for number, name := range []string{"héé'; --", "b"} {
			data := numbersAndNames([]int64{int64(number)}, []string{name})
			defer data.Release()
			if err := statement.Bind(ctx, data); err != nil {
				return err
			}
			rows, err := execute(ctx, statement)
			if err != nil {
				return err
			}
			found = append(found, rows...)
		}
		return nil
	})
	return found, err
}

func preparedSchema(ctx context.Context, c connection) (any, error) {
	if _, err := c.update(ctx, "CREATE OR REPLACE TABLE go_typed(k BIGINT, name VARCHAR)"); err != nil {
		return nil, err
	}
	found := []string{}
	sql := "SELECT k FROM go_typed WHERE k = ? AND name > ?"
	err := c.statement(sql, func(statement adbc.Statement) error {
		if err := statement.Prepare(ctx); err != nil {
			return err
		}
		schema, err := statement.GetParameterSchema()
		if err != nil {
			return err
		}
		for _, field := range schema.Fields() {
			found = append(found, field.Type.String())
		}
		return nil
	})
	return found, err
}

func batch(ctx context.Context, c connection) (any, error) {
	if _, err := c.update(ctx, "CREATE OR REPLACE TABLE go_batch(k BIGINT, name VARCHAR)"); err != nil {
		return nil, err
	}
	var count int64
	err := c.statement("INSERT INTO go_batch VALUES (?, ?)", func(statement adbc.Statement) error {
		if err := statement.Prepare(ctx); err != nil {
			return err
		}
		data := numbersAndNames([]int64{1, 2, 3}, []string{"a", "", "c"})
		defer data.Release()
		err := statement.Bind(ctx, data)
		if err == nil {
			count, err = statement.ExecuteUpdate(ctx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err := c.rows(ctx, "SELECT * FROM go_batch ORDER BY k")
	return map[string]any{"count": count, "rows": rows}, err
}

func update(ctx context.Context, c connection) (any, error) {
	counts := []int64{}
	for _, sql := range []string{
		"CREATE OR REPLACE TABLE go_update AS SELECT n FROM range(10) r(n)",
		"UPDATE go_update SET n = n + 1 WHERE n > 6",
		"DELETE FROM go_update WHERE n < 5",
	} {
		count, err := c.update(ctx, sql)
		if err != nil {
			return nil, err
		}
		counts = append(counts, count)
	}
	return counts, nil
}

func ingest(ctx context.Context, c connection) (any, error) {
	data := numbersAndNames([]int64{1, 2, 3}, []string{"a", "", "c"})
	defer data.Release()
	counts := []int64{}
	for _, mode := range []string{
		adbc.OptionValueIngestModeReplace, adbc.OptionValueIngestModeAppend,
		adbc.OptionValueIngestModeCreateAppend,
	} {
		count, err := c.ingest(ctx, "go_ingest", mode, data)
		if err != nil {
			return nil, err
		}
		counts = append(counts, count)
	}
	rows, err := c.rows(ctx, "SELECT k, name, count(*) FROM go_ingest GROUP BY ALL ORDER BY k")
	return map[string]any{"counts": counts, "rows": rows}, err
}

func ingestRefused(ctx context.Context, c connection) (any, error) {
	data := numbersAndNames([]int64{1}, []string{"a"})
	defer data.Release()
	if _, err := c.ingest(ctx, "go_once", adbc.OptionValueIngestModeReplace, data); err != nil {
		return nil, err
	}
	return c.ingest(ctx, "go_once", adbc.OptionValueIngestModeCreate, data)
}

func partitions(ctx context.Context, c connection) (any, error) {
	count := 0
	err := c.statement("SELECT n FROM range(1000) r(n)", func(statement adbc.Statement) error {
		_, parts, _, err := statement.ExecutePartitions(ctx)
		if err != nil {
			return err
		}
		for _, part := range parts.PartitionIDs {
			reader, err := c.ReadPartition(ctx, part)
			if err != nil {
				return err
			}
			rows, err := readAll(reader)
			if err != nil {
				return err
			}
			count += len(rows)
		}
		return nil
	})
	return count, err
}

func wrongStatement(ctx context.Context, c connection) (any, error) {
	return c.rows(ctx, "SELECT * FROM go_nowhere")
}

// inTransaction inserts one row into a table of three, ends the transaction, and counts the rows.
func inTransaction(ctx context.Context, c connection, table string, end func() error) (any, error) {
	data := numbersAndNames([]int64{1, 2, 3}, []string{"a", "b", "c"})
	defer data.Release()
	if _, err := c.ingest(ctx, table, adbc.OptionValueIngestModeReplace, data); err != nil {
		return nil, err
	}
	options := c.Connection.(adbc.PostInitOptions)
	if err := options.SetOption(adbc.OptionKeyAutoCommit, adbc.OptionValueDisabled); err != nil {
		return nil, err
	}
	if _, err := c.update(ctx, "INSERT INTO "+table+" VALUES (4, 'd')"); err != nil {
		return nil, err
	}
	inside, err := c.rows(ctx, "SELECT count(*) FROM "+table)
	if err != nil {
		return nil, err
	}
	if err := end(); err != nil {
		return nil, err
	}
	after, err := c.rows(ctx, "SELECT count(*) FROM "+table)
	return map[string]any{"inside": inside[0][0], "after": after[0][0]}, err
}

func commit(ctx context.Context, c connection) (any, error) {
	return inTransaction(ctx, c, "go_commit", func() error { return c.Commit(ctx) })
}

func rollback(ctx context.Context, c connection) (any, error) {
	return inTransaction(ctx, c, "go_rollback", func() error { return c.Rollback(ctx) })
}

// databaseSQL goes through the standard library's database/sql.
func databaseSQL(ctx context.Context, c connection) (any, error) {
	data := numbersAndNames([]int64{1, 2}, []string{"a", "b"})
	defer data.Release()
	if _, err := c.ingest(ctx, "go_sql", adbc.OptionValueIngestModeReplace, data); err != nil {
		return nil, err
	}
	options := []string{}
	for name, value := range c.options {
		options = append(options, name+"="+value)
	}
	database, err := sql.Open("flightsql", strings.Join(options, ";"))
	if err != nil {
		return nil, err
	}
	defer database.Close()
	statement, err := database.PrepareContext(ctx, "SELECT k, name FROM go_sql WHERE k = ? AND name > ?")
	if err != nil {
		return nil, err
	}
	defer statement.Close()
	var number int64
	var name string
	err = statement.QueryRowContext(ctx, int64(2), "a").Scan(&number, &name)
	return []any{number, name}, err
}
