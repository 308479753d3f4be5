package main

import (
	"context"
	"encoding/json"

	"github.com/apache/arrow-adbc/go/adbc"
)

func info(ctx context.Context, c connection) (any, error) {
	reader, err := c.GetInfo(ctx, []adbc.InfoCode{adbc.InfoVendorName, adbc.InfoVendorSql})
	if err != nil {
		return nil, err
	}
	return readAll(reader)
}

// tables lists catalogs down to columns: the nested reply as JSON.
func tables(ctx context.Context, c connection) (any, error) {
	if _, err := c.update(ctx, "CREATE OR REPLACE TABLE go_listed(k BIGINT NOT NULL, name VARCHAR)"); err != nil {
		return nil, err
	}
	table := "go_listed"
	reader, err := c.GetObjects(ctx, adbc.ObjectDepthColumns, nil, nil, &table, nil, nil)
	if err != nil {
		return nil, err
	}
	rows, err := readAll(reader)
	if err != nil {
		return nil, err
	}
	return nested(rows)
}

type listedColumn struct {
	Name     string `json:"column_name"`
	Position int    `json:"ordinal_position"`
	Type     string `json:"xdbc_type_name"`
}

type listedSchema struct {
	Name   string `json:"db_schema_name"`
	Tables []struct {
		Name    string         `json:"table_name"`
		Type    string         `json:"table_type"`
		Columns []listedColumn `json:"table_columns"`
	} `json:"db_schema_tables"`
}

// nested returns one [catalog, schema, table, type, column, position, column type] for each column.
func nested(rows [][]any) (any, error) {
	found := [][]any{}
	for _, row := range rows {
		text, err := json.Marshal(row[1])
		if err != nil {
			return nil, err
		}
		var schemas []listedSchema
		if err := json.Unmarshal(text, &schemas); err != nil {
			return nil, err
		}
		for _, schema := range schemas {
			for _, table := range schema.Tables {
				for _, column := range table.Columns {
					found = append(found, []any{
						row[0], schema.Name, table.Name, table.Type,
						column.Name, column.Position, column.Type,
					})
				}
			}
		}
	}
	return found, nil
}

func tableSchema(ctx context.Context, c connection) (any, error) {
	if _, err := c.update(ctx, "CREATE OR REPLACE TABLE go_shape(k BIGINT NOT NULL, at TIMESTAMP)"); err != nil {
		return nil, err
	}
	schema, err := c.GetTableSchema(ctx, nil, nil, "go_shape")
	if err != nil {
		return nil, err
	}
	found := [][]any{}
	for _, field := range schema.Fields() {
		found = append(found, []any{field.Name, field.Type.String(), field.Nullable})
	}
	return found, nil
}

func tableTypes(ctx context.Context, c connection) (any, error) {
	reader, err := c.GetTableTypes(ctx)
	if err != nil {
		return nil, err
	}
	return readAll(reader)
}
