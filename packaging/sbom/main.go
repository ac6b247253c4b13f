// Command sbom prints what a binary was made from, as a CycloneDX 1.5 document: the modules that the linker recorded in
// it, with their checksums in the form of go.sum. It asks nobody.
//
//	go run ./packaging/sbom FILE VERSION
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
)

type document struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom FILE VERSION")
		os.Exit(2)
	}
	info, err := buildinfo.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(describe(info, os.Args[2])); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func describe(info *buildinfo.BuildInfo, version string) document {
	program := module("application", info.Main.Path, version)
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS", "GOARCH", "GOARM", "GOMIPS", "CGO_ENABLED":
			program.Properties = append(program.Properties, property{"go:" + s.Key, s.Value})
		}
	}
	all := []component{module("library", "std", info.GoVersion)}
	for _, dep := range info.Deps {
		all = append(all, library(dep))
	}
	return document{"CycloneDX", "1.5", 1, metadata{program}, all}
}

func library(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	c := module("library", m.Path, m.Version)
	c.Properties = []property{{"go:sum", m.Sum}}
	return c
}

func module(kind, path, version string) component {
	return component{Type: kind, Name: path, Version: version, PURL: "pkg:golang/" + path + "@" + version}
}
