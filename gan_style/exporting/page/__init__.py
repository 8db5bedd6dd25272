"""What of the page is another where no server translates: server.js and its worker."""
