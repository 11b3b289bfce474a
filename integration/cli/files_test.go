package cli

import (
	"os"
	"sync"
)

// files are open files by the name of the script that opened them.
type files struct {
	mu   sync.Mutex // guards open
	open map[string][]*os.File
}

func (f *files) add(script string, file *os.File) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[string][]*os.File{}
	}
	f.open[script] = append(f.open[script], file)
}

// close closes a script's files. What closing says is the mount's affair.
func (f *files) close(script string) {
	f.mu.Lock()
	files := f.open[script]
	delete(f.open, script)
	f.mu.Unlock()
	for _, file := range files {
		_ = file.Close()
	}
}
