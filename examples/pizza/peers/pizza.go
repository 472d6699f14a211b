// The pizza service in Go: a goroutine a connection.
// Usage: pizza PORT; it prints "listening on PORT".
package main

import (
	"bufio"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
)

func answer(line string) string {
	n, ok := new(big.Int).SetString(strings.TrimSpace(line), 10)
	if !ok {
		return "Wrong number of pizzas, please try again\n"
	}
	return "Thank you for ordering " + n.String() + " pizzas!\n"
}

func serve(guest net.Conn) {
	defer guest.Close()
	lines := bufio.NewReaderSize(guest, 1025)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		if _, err := guest.Write([]byte(answer(string(line)))); err != nil {
			return
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening on %d\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		guest, err := listener.Accept()
		if err == nil {
			go serve(guest)
		}
	}
}
