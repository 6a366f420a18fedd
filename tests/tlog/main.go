// tlogcheck checks a log that Rowledger wrote with code that Rowledger did not write: the packages note and tlog of
// golang.org/x/mod/sumdb, on which Go's own checksum database rests.
//
//	tlogcheck [--old CHECKPOINT]... DIR VERIFIER_KEY
//
// DIR is laid out as https://c2sp.org/tlog-tiles says: checkpoint, tile/..., tile/entries/..., and, if there is any,
// proofs/SEQ.tlog-proof. Everything is computed anew from the entries: leaf hashes, inner hashes, root; then each
// tile, each proof and each older checkpoint is compared with that. Exit status 0 when all is right, 1 when not.
//
// tlog.TileHashReader is not used: the version in Debian 12 does not notice forged tiles.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileWidth = 256

// hashes is the storage that tlog computes with; it holds what was computed here and nothing else.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d has not been computed", index)
		}
		out[i] = h[index]
	}
	return out, nil
}

type checkpoint struct {
	size int64
	root tlog.Hash
}

func openCheckpoint(text []byte, verifier note.Verifier) (checkpoint, error) {
	var out checkpoint
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return out, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return out, errors.New("the checkpoint has not three lines")
	}
	if lines[0] != verifier.Name() {
		return out, fmt.Errorf("the checkpoint is of %q, the key of %q", lines[0], verifier.Name())
	}
	if out.size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || out.size < 0 || strconv.FormatInt(out.size, 10) != lines[1] {
		return out, fmt.Errorf("%q is no tree size", lines[1])
	}
	out.root, err = tlog.ParseHash(lines[2])
	return out, err
}

// files is every file below DIR/tile that is there, so that what is too much is seen as well as what is missing.
func filesBelow(dir string) (map[string]bool, error) {
	out := map[string]bool{}
	root := filepath.Join(dir, "tile")
	if _, err := os.Stat(root); os.IsNotExist(err) {
		return out, nil
	}
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			relative, _ := filepath.Rel(dir, path)
			out[relative] = true
		}
		return err
	})
	return out, err
}

func tilePath(directory string, n int64, width int64) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if width < tileWidth {
		name = fmt.Sprintf("%s.p/%d", name, width)
	}
	return "tile/" + directory + "/" + name
}

type log struct {
	dir    string
	size   int64
	leaves []tlog.Hash
	stored hashes
	unseen map[string]bool
}

func (l *log) read(path string) ([]byte, error) {
	delete(l.unseen, path)
	return os.ReadFile(filepath.Join(l.dir, path))
}

// readEntries computes every hash of the tree from the entries.
func (l *log) readEntries() error {
	for start := int64(0); start < l.size; start += tileWidth {
		width := l.size - start
		if width > tileWidth {
			width = tileWidth
		}
		path := tilePath("entries", start/tileWidth, width)
		bundle, err := l.read(path)
		if err != nil {
			return err
		}
		for i := start; i < start+width; i++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("%s ends before entry %d does", path, i)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			computed, err := tlog.StoredHashes(i, bundle[2:end], l.stored)
			if err != nil {
				return err
			}
			l.leaves = append(l.leaves, tlog.RecordHash(bundle[2:end]))
			l.stored = append(l.stored, computed...)
			bundle = bundle[end:]
		}
		if len(bundle) != 0 {
			return fmt.Errorf("%s has %d bytes too many", path, len(bundle))
		}
	}
	return nil
}

// checkTiles compares every tile with the computed hashes.
func (l *log) checkTiles() (int, error) {
	count := 0
	for level, n := 0, l.size; n > 0; level, n = level+1, n/tileWidth {
		for start := int64(0); start < n; start += tileWidth {
			width := n - start
			if width > tileWidth {
				width = tileWidth
			}
			path := tilePath(strconv.Itoa(level), start/tileWidth, width)
			tile, err := l.read(path)
			if err != nil {
				return count, err
			}
			var computed []byte
			for i := start; i < start+width; i++ {
				hash := l.stored[tlog.StoredHashIndex(8*level, i)]
				computed = append(computed, hash[:]...)
			}
			if !bytes.Equal(tile, computed) {
				return count, fmt.Errorf("%s does not follow from the entries", path)
			}
			count++
		}
	}
	for path := range l.unseen {
		return count, fmt.Errorf("%s is no part of a log of %d entries", path, l.size)
	}
	return count, nil
}

func (l *log) checkProof(path string, verifier note.Verifier) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	parts := strings.SplitN(string(text), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return fmt.Errorf("%s is no tlog-proof", path)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil || strconv.FormatInt(index, 10)+".tlog-proof" != filepath.Base(path) {
		return fmt.Errorf("%s is of entry %q", path, lines[1])
	}
	signed, err := openCheckpoint([]byte(parts[1]), verifier)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return fmt.Errorf("%s: %q is no hash", path, line)
		}
		var hash tlog.Hash
		copy(hash[:], raw)
		proof = append(proof, hash)
	}
	if index >= l.size {
		return fmt.Errorf("%s is of an entry that the log does not have", path)
	}
	if err := tlog.CheckRecord(proof, signed.size, signed.root, index, l.leaves[index]); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (l *log) checkOld(path string, now checkpoint, verifier note.Verifier) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	old, err := openCheckpoint(text, verifier)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if old.size > now.size {
		return fmt.Errorf("%s is of %d entries, the log has only %d", path, old.size, now.size)
	}
	if old.size == 0 {
		// Every tree continues the empty one; tlog.CheckTree does not take it.
		return checkRoot(0, old.root, nil)
	}
	proof, err := tlog.ProveTree(now.size, old.size, l.stored)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, now.size, now.root, old.size, old.root); err != nil {
		return fmt.Errorf("the log does not continue %s: %w", path, err)
	}
	return nil
}

func checkRoot(size int64, root tlog.Hash, stored hashes) error {
	// RFC 6962: the root of the empty tree is the hash of nothing. tlog has zeros for it.
	computed, err := tlog.ParseHash("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
	if size > 0 {
		computed, err = tlog.TreeHash(size, stored)
	}
	if err != nil {
		return err
	}
	if computed != root {
		return fmt.Errorf("the entries give the root %v, signed is %v", computed, root)
	}
	return nil
}

func check(dir, verifierKey string, olds []string) error {
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	now, err := openCheckpoint(text, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	unseen, err := filesBelow(dir)
	if err != nil {
		return err
	}
	l := &log{dir: dir, size: now.size, unseen: unseen}
	if err := l.readEntries(); err != nil {
		return err
	}
	if err := checkRoot(now.size, now.root, l.stored); err != nil {
		return err
	}
	tiles, err := l.checkTiles()
	if err != nil {
		return err
	}
	proofs, err := filepath.Glob(filepath.Join(dir, "proofs", "*.tlog-proof"))
	if err != nil {
		return err
	}
	for _, path := range proofs {
		if err := l.checkProof(path, verifier); err != nil {
			return err
		}
	}
	for _, path := range olds {
		if err := l.checkOld(path, now, verifier); err != nil {
			return err
		}
	}
	fmt.Printf("ok: %d entries, %d tiles, %d proofs, %d older checkpoints\n", now.size, tiles, len(proofs), len(olds))
	return nil
}

func main() {
	var olds, args []string
	for i := 1; i < len(os.Args); i++ {
		if os.Args[i] == "--old" && i+1 < len(os.Args) {
			i++
			olds = append(olds, os.Args[i])
		} else {
			args = append(args, os.Args[i])
		}
	}
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: tlogcheck [--old CHECKPOINT]... DIR VERIFIER_KEY")
		os.Exit(2)
	}
	if err := check(args[0], args[1], olds); err != nil {
		fmt.Printf("refused: %v\n", err)
		os.Exit(1)
	}
}
