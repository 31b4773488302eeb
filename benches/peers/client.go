// The same requests with net/http: client FILE BASE_URL CONCURRENCY
package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
)

type lead struct {
	PhoneNumber string `json:"phone_number"`
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	concurrency, err := strconv.Atoi(os.Args[3])
	must(err)
	file, err := os.Open(os.Args[1])
	must(err)
	out, err := os.Create(os.Args[1] + ".go")
	must(err)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = concurrency
	client := &http.Client{Transport: transport}
	rows := make(chan []string, 1024)
	results := csv.NewWriter(out)
	var lock sync.Mutex
	var group sync.WaitGroup
	for i := 0; i < concurrency; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for row := range rows {
				body, err := json.Marshal(lead{row[1]})
				must(err)
				request, err := http.NewRequest("PATCH", os.Args[2]+"/campaigns-leads/"+row[0], bytes.NewReader(body))
				must(err)
				request.Header.Set("Authorization", "Bearer bench")
				request.Header.Set("Content-Type", "application/json")
				answer, err := client.Do(request)
				must(err)
				var shown lead
				must(json.NewDecoder(answer.Body).Decode(&shown))
				must(answer.Body.Close())
				lock.Lock()
				must(results.Write([]string{row[0], strconv.Itoa(answer.StatusCode), fmt.Sprint(shown.PhoneNumber == row[1])}))
				lock.Unlock()
			}
		}()
	}
	reader := csv.NewReader(file)
	_, err = reader.Read()
	must(err)
	for {
		row, err := reader.Read()
		if err != nil {
			break
		}
		rows <- row
	}
	close(rows)
	group.Wait()
	results.Flush()
	must(out.Close())
}
