// Verifies a published log with golang.org/x/mod/sumdb, which shares no code with this project.
//
//	judge log DIRECTORY OLD_CHECKPOINT PROOFS    every kind of proof; one line for each
//	judge notes VKEY < NOTES                     1 or 0 for each line, a note in base64
//	judge proofs < PROOFS                        1 or 0 for each line, a proof in JSON
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func mustRefuse(what string, err error) {
	if err == nil {
		must(fmt.Errorf("%s was accepted", what))
	}
}

func readFile(path string) []byte {
	data, err := os.ReadFile(path)
	must(err)
	return data
}

func hash(text string) tlog.Hash {
	h, err := tlog.ParseHash(text)
	must(err)
	return h
}

// directory reads tiles below the directory of the seals.
type directory string

func (d directory) Height() int                     { return tileHeight }
func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}
func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(d), path))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func verifierOf(vkey string) note.Verifiers {
	verifier, err := note.NewVerifier(strings.TrimSpace(vkey))
	must(err)
	return note.VerifierList(verifier)
}

func openCheckpoint(data []byte, known note.Verifiers) tlog.Tree {
	opened, err := note.Open(data, known)
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != opened.Sigs[0].Name {
		must(fmt.Errorf("the origin %q is not the name of the key", lines[0]))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	return tlog.Tree{N: size, Hash: hash(lines[2])}
}

// entries returns the entries of a bundle of 256, or of the last one, which is partial.
func entries(dir string, number, size int64) [][]byte {
	path := filepath.Join(dir, "tile/entries", numberPath(number))
	if width := size - number<<tileHeight; width < 1<<tileHeight {
		path = fmt.Sprintf("%s.p/%d", path, width)
	}
	data, found := readFile(path), [][]byte(nil)
	for len(data) > 0 {
		length := int(data[0])<<8 | int(data[1])
		found, data = append(found, data[2:2+length]), data[2+length:]
	}
	return found
}

func numberPath(number int64) string {
	path := fmt.Sprintf("%03d", number%1000)
	for number >= 1000 {
		number /= 1000
		path = fmt.Sprintf("x%03d/%s", number%1000, path)
	}
	return path
}

func judgeLog(dir, oldCheckpoint, proofs string) {
	known := verifierOf(strings.Split(string(readFile(filepath.Join(dir, "vkey"))), "\n")[0])
	raw := readFile(filepath.Join(dir, "checkpoint"))
	tree := openCheckpoint(raw, known)
	fmt.Println("signature ok, size", tree.N)
	for at := range raw {
		changed := append([]byte(nil), raw...)
		changed[at] ^= 1
		if at < strings.Index(string(raw), "\n\n") {
			_, err := note.Open(changed, known)
			mustRefuse("a checkpoint with a flipped bit", err)
		}
	}
	hashes := tlog.TileHashReader(tree, directory(dir))
	count := 0
	for _, index := range indexes(tree.N) {
		entry := entries(dir, index>>tileHeight, tree.N)[index&(1<<tileHeight-1)]
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)))
		entry[len(entry)/2] ^= 1
		mustRefuse("a changed entry", tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)))
		count++
	}
	fmt.Println("inclusion ok,", count)
	old := openCheckpoint(readFile(oldCheckpoint), known)
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	must(err)
	must(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	changed := old.Hash
	changed[0] ^= 1
	mustRefuse("a changed root", tlog.CheckTree(proof, tree.N, tree.Hash, old.N, changed))
	fmt.Println("consistency ok,", old.N, tree.N)
	fmt.Println("tlog-proof ok,", judgeFiles(proofs, known))
}

func indexes(size int64) []int64 {
	found := []int64{0, 1, 255, 256, 257, 65535, 65536, size - 2, size - 1}
	for index := int64(7); index < size; index = index*3 + 1 {
		found = append(found, index)
	}
	return found
}

// judgeFiles verifies each <name>.tlog-proof against <name>.entry.
func judgeFiles(proofs string, known note.Verifiers) int {
	paths, err := filepath.Glob(filepath.Join(proofs, "*.tlog-proof"))
	must(err)
	for _, path := range paths {
		entry := readFile(strings.TrimSuffix(path, ".tlog-proof") + ".entry")
		parts := strings.SplitN(string(readFile(path)), "\n\n", 2)
		lines := strings.Split(parts[0], "\n")
		if lines[0] != "c2sp.org/tlog-proof@v1" {
			must(fmt.Errorf("%s is no proof", path))
		}
		index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
		must(err)
		var proof tlog.RecordProof
		for _, line := range lines[2:] {
			proof = append(proof, hash(line))
		}
		tree := openCheckpoint([]byte(parts[1]), known)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)))
		entry[0] ^= 1
		mustRefuse("a changed entry", tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)))
	}
	return len(paths)
}

// proofLine is a proof of a tree: of inclusion if Old is negative, otherwise of consistency.
type proofLine struct {
	Index, Old, Size int64
	Leaf, OldRoot    string
	Root             string
	Path             []string
}

func (p proofLine) err() error {
	var path []tlog.Hash
	for _, text := range p.Path {
		path = append(path, hash(text))
	}
	if p.Old < 0 {
		return tlog.CheckRecord(path, p.Size, hash(p.Root), p.Index, hash(p.Leaf))
	}
	return tlog.CheckTree(path, p.Size, hash(p.Root), p.Old, hash(p.OldRoot))
}

func judgeLines(judge func(line []byte) error) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		verdict := 1
		if judge(lines.Bytes()) != nil {
			verdict = 0
		}
		fmt.Println(verdict)
	}
	must(lines.Err())
}

func main() {
	switch os.Args[1] {
	case "log":
		judgeLog(os.Args[2], os.Args[3], os.Args[4])
	case "notes":
		known := verifierOf(os.Args[2])
		judgeLines(func(line []byte) error {
			data, err := base64.StdEncoding.DecodeString(string(line))
			must(err)
			_, err = note.Open(data, known)
			return err
		})
	case "proofs":
		judgeLines(func(line []byte) error {
			var proof proofLine
			must(json.Unmarshal(line, &proof))
			return proof.err()
		})
	}
}
