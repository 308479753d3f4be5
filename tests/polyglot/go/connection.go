package main

import (
	"context"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

type connection struct {
	adbc.Connection
	options map[string]string
}

// statement gives `use` a statement and closes it.
func (c connection) statement(sql string, use func(adbc.Statement) error) error {
	statement, err := c.NewStatement()
	if err != nil {
		return err
	}
	defer statement.Close()
	if sql != "" {
		if err := statement.SetSqlQuery(sql); err != nil {
			return err
		}
	}
	return use(statement)
}

func (c connection) rows(ctx context.Context, sql string) (found [][]any, err error) {
	err = c.statement(sql, func(statement adbc.Statement) error {
		found, err = execute(ctx, statement)
		return err
	})
	return found, err
}

// update returns the number of rows that the server says it touched.
func (c connection) update(ctx context.Context, sql string) (count int64, err error) {
	err = c.statement(sql, func(statement adbc.Statement) error {
		count, err = statement.ExecuteUpdate(ctx)
		return err
	})
	return count, err
}

func (c connection) ingest(
	ctx context.Context, table string, mode string, data arrow.RecordBatch,
) (count int64, err error) {
	err = c.statement("", func(statement adbc.Statement) error {
		if err := statement.SetOption(adbc.OptionKeyIngestTargetTable, table); err != nil {
			return err
		}
		if err := statement.SetOption(adbc.OptionKeyIngestMode, mode); err != nil {
			return err
		}
		if err := statement.Bind(ctx, data); err != nil {
			return err
		}
		count, err = statement.ExecuteUpdate(ctx)
		return err
	})
	return count, err
}

func execute(ctx context.Context, statement adbc.Statement) ([][]any, error) {
	reader, _, err := statement.ExecuteQuery(ctx)
	if err != nil {
		return nil, err
	}
	return readAll(reader)
}

// readAll closes the reader.
func readAll(reader array.RecordReader) ([][]any, error) {
	defer reader.Release()
	rows := [][]any{}
	for reader.Next() {
		record := reader.RecordBatch()
		for row := range int(record.NumRows()) {
			values := make([]any, record.NumCols())
			for column := range values {
				values[column] = record.Column(column).GetOneForMarshal(row)
			}
			rows = append(rows, values)
		}
	}
	return rows, reader.Err()
}

// numbersAndNames has the columns k and name; a name of "" is a null.
func numbersAndNames(numbers []int64, names []string) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "k", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	builder.Field(0).(*array.Int64Builder).AppendValues(numbers, nil)
	text := builder.Field(1).(*array.StringBuilder)
	for _, name := range names {
		if name == "" {
			text.AppendNull()
		} else {
			text.Append(name)
		}
	}
	return builder.NewRecordBatch()
}
