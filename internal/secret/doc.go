// Package secret has the one type that holds a password.
package secret
