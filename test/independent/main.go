// Checks a log directory with Go's own transparency-log packages (golang.org/x/mod/sumdb/note and tlog).
// It shares no code with the product. Usage: main <log directory> <verifier key> [<minimum index>]
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tilePath is the path of a tile or bundle by c2sp.org/tlog-tiles; x/mod's own has the height in it.
func tilePath(level string, n int64, width int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if width < 256 {
		name = fmt.Sprintf("%s.p/%d", name, width)
	}
	return filepath.Join("tile", level, name)
}

type reader struct{ dir string }

func (r reader) Height() int                         { return 8 }
func (r reader) SaveTiles([]tlog.Tile, [][]byte)      {}
func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		bytes, err := os.ReadFile(filepath.Join(r.dir, tilePath(fmt.Sprint(t.L), t.N, t.W)))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir, vkey := os.Args[1], os.Args[2]
	// Below it nothing is kept; see "Pruning" in c2sp.org/tlog-tiles.
	minimum := int64(0)
	if len(os.Args) > 3 {
		_, err := fmt.Sscan(os.Args[3], &minimum)
		check(err)
	}
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	check(err)
	verifier, err := note.NewVerifier(vkey)
	check(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err)
	lines := strings.SplitN(opened.Text, "\n", 4)
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + lines[1] + "\n" + lines[2] + "\n"))
	check(err)
	if lines[0] != verifier.Name() {
		log.Fatalf("origin %q is not the key's name", lines[0])
	}
	hashes := tlog.TileHashReader(tree, reader{dir})
	var root tlog.Hash
	root, err = tlog.TreeHash(tree.N, hashes)
	check(err)
	if root != tree.Hash {
		log.Fatal("the tiles do not have the root of the checkpoint")
	}
	for start := minimum; start < tree.N; start += 256 {
		width := 256
		if left := tree.N - start; left < 256 {
			width = int(left)
		}
		bundle, err := os.ReadFile(filepath.Join(dir, tilePath("entries", start/256, width)))
		check(err)
		var places []int64
		for index := start; index < start+int64(width); index++ {
			places = append(places, tlog.StoredHashIndex(0, index))
		}
		stored, err := hashes.ReadHashes(places)
		check(err)
		for index := start; index < start+int64(width); index++ {
			size := int(binary.BigEndian.Uint16(bundle))
			leaf := tlog.RecordHash(bundle[2 : 2+size])
			bundle = bundle[2+size:]
			if leaf != stored[index-start] {
				log.Fatalf("entry %d does not have the hash in its tile", index)
			}
			if index%(1+tree.N/500) != 0 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			check(err)
			check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf))
		}
		if len(bundle) != 0 {
			log.Fatal("a bundle goes on behind its last entry")
		}
	}
	for old := minimum + 1; old < tree.N; old += 1 + tree.N/50 {
		oldRoot, err := tlog.TreeHash(old, hashes)
		check(err)
		proof, err := tlog.ProveTree(tree.N, old, hashes)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, old, oldRoot))
	}
	fmt.Printf("ok %d entries\n", tree.N-minimum)
}
