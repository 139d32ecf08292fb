;;; emacs.el --- what test/cli/editors.test.ts has Emacs do with a script  -*- lexical-binding: t; -*-
;; It writes what it saw as JSON into $LACE_TEST_OUT.
(require 'eglot)
(require 'json)
(setq lace-command (append (split-string (getenv "LACEC")) '("lsp" "--stdio")))
(setq eglot-sync-connect 60 eglot-connect-timeout 60)
(setq eglot-confirm-server-initiated-edits nil)
(setq make-backup-files nil)

(defun seen-after (text)
  "Put point before TEXT."
  (goto-char (point-min))
  (search-forward text)
  (goto-char (match-beginning 0)))

(defun ask (method)
  (jsonrpc-request (eglot--current-server-or-lose) method (eglot--TextDocumentPositionParams)))

(let ((seen nil))
  (condition-case problem
      (progn
        (find-file "a.lace")
        (apply #'eglot--connect (eglot--guess-contact))
        (with-timeout (60 (error "No diagnostics"))
          (while (not (flymake-diagnostics))
            (flymake-start nil t)
            (accept-process-output nil 0.2)))
        (push `(diagnostics . ,(vconcat (mapcar (lambda (d) (flymake-diagnostic-text d)) (flymake-diagnostics)))) seen)
        (seen-after "scholar =")
        (push `(hover . ,(plist-get (plist-get (ask :textDocument/hover) :contents) :value)) seen)
        (seen-after "  count")
        (push `(completion . ,(vconcat (mapcar (lambda (i) (plist-get i :label))
                                               (plist-get (ask :textDocument/completion) :items))))
              seen)
        (seen-after "scholar =")
        (eglot-rename "reader")
        (eglot-format-buffer)
        (push `(text . ,(buffer-string)) seen))
    (error (push `(problem . ,(error-message-string problem)) seen)))
  (with-temp-file (getenv "LACE_TEST_OUT") (insert (json-encode seen))))
(kill-emacs 0)
;;; emacs.el ends here
