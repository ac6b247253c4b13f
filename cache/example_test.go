package cache_test

import (
	"fmt"
	"os"

	"homeward/cache"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "homeward")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	db := cache.Open(dir)
	defer db.Close()
	changed, err := db.Commit(cache.Record{
		SIPAddress: "sip:phone1@contoso.com",
		Registrar:  cache.Registrar{Host: "fe01.contoso.com", Port: 5061, Transport: "tls"},
	})
	fmt.Println(changed, err)

	next := cache.Open(dir) // after a power cut, say
	r, ok := next.Load()
	fmt.Println(r.Registrar.Host, r.Generation, ok, next.Notes())
	// Output:
	// true <nil>
	// fe01.contoso.com 1 true []
}
