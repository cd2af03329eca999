package main

import (
	"database/sql"
	"fmt"
	"log"
	"os"

	_ "github.com/lib/pq"
)

func main() {
	db, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"CREATE TABLE by_pq (id int)", "INSERT INTO by_pq VALUES (1)"} {
		if _, err := db.Exec(statement); err != nil {
			log.Fatal(err)
		}
	}
	var made bool
	if err := db.QueryRow("SELECT count(*) = 1 AS made FROM by_pq").Scan(&made); err != nil {
		log.Fatal(err)
	}
	fmt.Println(made)
}
